/**
 * aws-amplify v6's `Auth` and the local user pool: what an app's forms do, from signing up to a forgotten password.
 * The file that `server.py amplify-config` has printed is the argument; a line of output asks for the code that was
 * sent, a line of input answers.
 */
import './websocket.mjs';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Amplify } from 'aws-amplify';
import { generateClient } from 'aws-amplify/api';
import * as auth from 'aws-amplify/auth';
import { ConsoleLogger } from 'aws-amplify/utils';

const [, , file] = process.argv;
const email = process.env.EMAIL;
const name = process.env.USER_NAME;
const password = 'the first one';
const later = 'another one';

ConsoleLogger.LOG_LEVEL = 'ERROR'; // it warns of every address that is not on AWS
Amplify.configure(JSON.parse(await readFile(file)));
const client = generateClient();

async function code() {
  console.log('? code');
  const [answer] = await once(process.stdin, 'data');
  return String(answer).trim();
}

/** Another code than the given one. */
const not = (right) => (right === '000000' ? '000001' : '000000');

const refusal = (kind, message) => (error) => {
  assert.equal(error.name, kind, error.message);
  return message === undefined || error.message === message;
};
const WRONG = refusal('NotAuthorizedException', 'Incorrect username or password.');

async function ask(query, variables) {
  const { data } = await client.graphql({ query, variables });
  return data;
}

const tokens = async (options) => (await auth.fetchAuthSession(options)).tokens;

async function signUp() {
  const options = { userAttributes: { email, preferred_username: name } };
  await assert.rejects(auth.signUp({ username: email, password: 'short', options }), refusal('InvalidPasswordException'));
  const { isSignUpComplete, nextStep } = await auth.signUp({ username: email, password, options });
  assert.equal(isSignUpComplete, false);
  assert.equal(nextStep.signUpStep, 'CONFIRM_SIGN_UP');
  assert.equal(nextStep.codeDeliveryDetails.destination, `${email[0]}***@e***`);
  for (const username of [email, email.toUpperCase()]) {
    await assert.rejects(auth.signUp({ username, password }), refusal('UsernameExistsException'));
  }
  const old = await code();
  await assert.rejects(
    auth.confirmSignUp({ username: email, confirmationCode: not(old) }),
    refusal('CodeMismatchException'),
  );
  await assert.rejects(auth.signIn({ username: email, password: later }), WRONG);
  const waiting = await auth.signIn({ username: email, password });
  assert.equal(waiting.nextStep.signInStep, 'CONFIRM_SIGN_UP');
  await auth.resendSignUpCode({ username: email });
  const confirmationCode = await code();
  const confirmed = await auth.confirmSignUp({ username: email, confirmationCode });
  assert.equal(confirmed.isSignUpComplete, true);
}

async function signIn(username, secret, options) {
  const { isSignedIn } = await auth.signIn({ username, password: secret, options });
  assert.equal(isSignedIn, true);
}

/** The token says who the member is: they join, and read what is theirs alone. */
async function join() {
  const { userId } = await auth.getCurrentUser();
  const attributes = await auth.fetchUserAttributes();
  assert.equal(attributes.sub, userId);
  assert.equal(attributes.email, email);
  assert.equal(attributes.email_verified, 'true');
  assert.equal(attributes.preferred_username, name);
  const input = {
    id: userId,
    email,
    username: name,
    firstName: 'Dora',
    lastName: 'Dale',
    bankHours: 0,
    skills: [],
    rating: 0,
    totalTransactions: 0,
  };
  const joining = 'mutation Join($input: CreateUserInput!) { createUser(input: $input) { id } }';
  assert.equal((await ask(joining, { input })).createUser.id, userId);
  return userId;
}

async function assertReads(userId) {
  const { getUser } = await ask('query Me($id: ID!) { getUser(id: $id) { username email bankHours } }', { id: userId });
  assert.deepEqual({ ...getUser }, { username: name, email, bankHours: 10 });
}

async function assertSignedOut() {
  assert.equal(await tokens(), undefined);
  await assert.rejects(auth.getCurrentUser(), refusal('UserUnAuthenticatedException'));
}

async function resetPassword() {
  const { nextStep } = await auth.resetPassword({ username: name });
  assert.equal(nextStep.resetPasswordStep, 'CONFIRM_RESET_PASSWORD_WITH_CODE');
  const confirmationCode = await code();
  const given = { username: name, newPassword: later };
  await assert.rejects(
    auth.confirmResetPassword({ ...given, confirmationCode: not(confirmationCode) }),
    refusal('CodeMismatchException'),
  );
  await auth.confirmResetPassword({ ...given, confirmationCode });
  await assert.rejects(auth.confirmResetPassword({ ...given, confirmationCode }), refusal('ExpiredCodeException'));
}

await assert.rejects(auth.signIn({ username: email, password }), WRONG);
await signUp();

await assert.rejects(auth.signIn({ username: email, password: later }), WRONG);
await signIn(email.toUpperCase(), password);
const userId = await join();
await assertReads(userId);
const first = await tokens();
const second = await tokens({ forceRefresh: true });
assert.notEqual(String(second.accessToken), String(first.accessToken));
await assertReads(userId);
await auth.signOut();
await assertSignedOut();

await signIn(name.toUpperCase(), password);
await assertReads(userId);
await auth.signOut({ global: true });
await assertSignedOut();

await resetPassword();
await assert.rejects(auth.signIn({ username: name, password }), WRONG);
await signIn(name, later, { authFlowType: 'USER_PASSWORD_AUTH' });
await auth.updatePassword({ oldPassword: later, newPassword: password });
await assert.rejects(auth.updatePassword({ oldPassword: later, newPassword: password }), WRONG);
await auth.signOut();
await signIn(email, password);
await auth.deleteUser();
await assert.rejects(auth.signIn({ username: email, password }), WRONG);
process.exit(0); // Amplify's timers would hold it
