/** Whom a script speaks with, and as whom: from variables, as an app has it from its `environment.ts`. */
export const environment = {
  /** Where the server answers, such as `HTTP://127.0.0.1:8000/graphql`. */
  graphql: process.env.GRAPHQL_URL,
  /** A member's token, as `python server.py token alice` prints it. */
  token: process.env.TOKEN,
};

/** Return what a token says. */
export const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

/** The member whom `environment.token` is for. */
export const me = claimsOf(environment.token).sub;
