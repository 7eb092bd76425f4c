import { headersOf } from './sign_in.jsx';

// The tabs that a first visit opens, as the server gives them. Ids are filled in as far as they are known,
// so that the tabs of one story belong together: what one asks for is what the other answers.
export function examples(given, members) {
  const idOf = Object.fromEntries(members.map(({ username, sub }) => [`id of ${username}`, sub]));
  const ids = { ...idOf, 'new id': crypto.randomUUID() };
  return given.map(({ query, variables, caller }) => {
    const member = members.find(({ username }) => username === caller);
    const fill = (_, value) => ids[value] ?? value;
    return {
      query,
      variables: JSON.stringify(variables, fill, 2),
      headers: member ? headersOf(member) : '',
    };
  });
}
