/** aws-amplify v5's `Auth` and the local user pool; the arguments are the file that `server.py amplify-config --v5` has printed. */
import '../websocket.mjs';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Amplify, API, Auth } from 'aws-amplify';

const [, , file] = process.argv;
const email = process.env.EMAIL;
const name = process.env.USER_NAME;
const password = 'the first one';

const { default: exports } = await import(file);
Amplify.configure(exports);

async function code() {
  console.log('? code');
  const [answer] = await once(process.stdin, 'data');
  return String(answer).trim();
}

const wrong = ({ name: kind }) => kind === 'NotAuthorizedException';

await Auth.signUp({ username: email, password, attributes: { email, preferred_username: name } });
await assert.rejects(Auth.signIn(email, password), ({ name: kind }) => kind === 'UserNotConfirmedException');
await Auth.confirmSignUp(email, await code());
await assert.rejects(Auth.signIn(email, 'a wrong one'), wrong);
const user = await Auth.signIn(name, password);
const { sub } = user.attributes ?? (await Auth.currentUserInfo()).attributes;
const { data } = await API.graphql({ query: '{ listUsers { items { id } } }' });
assert.ok(Array.isArray(data.listUsers.items));
assert.equal((await Auth.currentSession()).getAccessToken().payload.sub, sub);
await Auth.currentAuthenticatedUser({ bypassCache: true });
await Auth.signOut();
await Auth.forgotPassword(email);
await Auth.forgotPasswordSubmit(email, await code(), 'another one');
await assert.rejects(Auth.signIn(email, password), wrong);
await Auth.signIn(email, 'another one');
process.exit(0);
