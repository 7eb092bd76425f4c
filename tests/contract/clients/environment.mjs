/** The script's server and member: from variables, as an app has them from its `environment.ts`. */
export const environment = {
  /** The server's address, such as `HTTP://127.0.0.1:8000/graphql`. */
  graphql: process.env.GRAPHQL_URL,
  /** A member's token, as `python server.py token alice` prints it. */
  token: process.env.TOKEN,
};

/** Return a token's claims. */
export const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

/** The member whom `environment.token` is for. */
export const me = claimsOf(environment.token).sub;
