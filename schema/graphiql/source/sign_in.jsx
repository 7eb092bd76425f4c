import { pick, useGraphiQL } from '@graphiql/react';

// A token for each demo member, or a key for an application; one whom the server does not know is left out.
export async function signInAll(names) {
  const members = await Promise.all(names.map(signIn));
  return members.filter(Boolean);
}

async function signIn(name) {
  const answer = await fetch(`/local/token/${name}`);
  if (!answer.ok) return null;
  const { username, token, apiKey } = await answer.json();
  return token ? { username, token, sub: claimsOf(token).sub } : { username, apiKey };
}

// base64url to JSON; a token of our own server needs no proof here.
const claimsOf = (token) => JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));

export const headersOf = ({ token, apiKey }) =>
  JSON.stringify(token ? { Authorization: `Bearer ${token}` } : { 'x-api-key': apiKey }, null, 2);

// Each tab has its own headers, so each tab speaks as its own member: ask as one, answer as the other.
export function SignIn({ members }) {
  const { tabs, activeTabIndex, headerEditor } = useGraphiQL(pick('tabs', 'activeTabIndex', 'headerEditor'));
  const headers = tabs[activeTabIndex]?.headers ?? '';
  return (
    <span className="hourbank">
      <strong>{document.title}</strong>
      {members.length > 0 && <span className="hourbank-as">this tab speaks as</span>}
      {members.map((member) => (
        <button
          key={member.username}
          type="button"
          className="hourbank-member"
          aria-pressed={headers.includes(member.token ?? member.apiKey)}
          onClick={() => headerEditor?.setValue(headersOf(member))}
        >
          {member.username}
        </button>
      ))}
    </span>
  );
}
