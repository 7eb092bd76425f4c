// Makes the golden schemas anew, with Amplify's own transformer. Tests read what it made; only this needs npm's packages:
//
//   mkdir /tmp/amplify && cp package.json /tmp/amplify && npm install --prefix /tmp/amplify
//   node compile.mjs /tmp/amplify SCHEMA FOLDER
//
// It compiles the file SCHEMA, as the flags of a `cli.json` beside it say, into FOLDER/golden.graphql (the schema, without
// AppSync's directives) and FOLDER/tables.json (each table's keys and indexes, with the types of their attributes).

import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const [packages, schemaFile, folder] = process.argv.slice(2);
const require = createRequire(join(packages, 'node_modules/@aws-amplify/graphql-api-construct/package.json'));
const { AmplifyGraphqlApi, AmplifyGraphqlDefinition } = require('@aws-amplify/graphql-api-construct');
const { App, Duration, Stack } = require('aws-cdk-lib');
const { UserPool } = require('aws-cdk-lib/aws-cognito');
const { Role, ServicePrincipal } = require('aws-cdk-lib/aws-iam');
const { parse, print, visit } = require('graphql');

const SCALARS = ['Date', 'Time', 'DateTime', 'Timestamp', 'Email', 'JSON', 'URL', 'Phone', 'IPAddress'];
// The flags of cli.json that change names, and what the construct calls them.
const FLAGS = {
  enableautoindexquerynames: 'enableAutoIndexQueryNames',
  respectprimarykeyattributesonconnectionfield: 'respectPrimaryKeyAttributesOnConnectionField',
  secondarykeyasgsi: 'secondaryKeyAsGSI',
  shoulddeepmergedirectiveconfigdefaults: 'shouldDeepMergeDirectiveConfigDefaults',
  usesubusernamefordefaultidentityclaim: 'useSubUsernameForDefaultIdentityClaim',
};

function behavior() {
  const file = join(dirname(schemaFile), 'cli.json');
  const flags = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).features.graphqltransformer : {};
  return Object.fromEntries(Object.keys(flags).filter((flag) => flag in FLAGS).map((flag) => [FLAGS[flag], flags[flag]]));
}

function synthesize(outdir) {
  const app = new App({ outdir });
  const stack = new Stack(app, 'golden');
  const role = new Role(stack, 'role', { assumedBy: new ServicePrincipal('cognito-identity.amazonaws.com') });
  // The construct has no `input AMPLIFY`: it is the project's own setting, which changes no name.
  const text = readFileSync(schemaFile, 'utf8').replace(/^input AMPLIFY\b[^}]*}[^}]*}/m, '');
  new AmplifyGraphqlApi(stack, 'api', {
    definition: AmplifyGraphqlDefinition.fromString(text),
    authorizationModes: {
      defaultAuthorizationMode: 'AMAZON_COGNITO_USER_POOLS',
      userPoolConfig: { userPool: new UserPool(stack, 'pool') },
      apiKeyConfig: { expires: Duration.days(7) },
      iamConfig: { identityPoolId: 'pool', authenticatedUserRole: role, unauthenticatedUserRole: role },
    },
    translationBehavior: behavior(),
  });
  app.synth();
}

function tables(outdir) {
  const templates = readdirSync(outdir).filter((name) => name.endsWith('.template.json'));
  const resources = templates.flatMap((name) => Object.values(JSON.parse(readFileSync(join(outdir, name))).Resources));
  const found = resources.filter(({ Type }) => Type === 'AWS::DynamoDB::Table').map(({ Properties: table }) => {
    const types = Object.fromEntries(table.AttributeDefinitions.map((a) => [a.AttributeName, a.AttributeType]));
    const keys = (schema) => schema.map(({ AttributeName: name }) => `${name}: ${types[name]}`);
    const indexes = [...(table.GlobalSecondaryIndexes ?? []), ...(table.LocalSecondaryIndexes ?? [])];
    const name = table.TableName['Fn::Join'][1][0].replace(/-$/, '');
    return [name, { key: keys(table.KeySchema), indexes: Object.fromEntries(indexes.map((i) => [i.IndexName, keys(i.KeySchema)])) }];
  });
  return Object.fromEntries(found.sort(([one], [other]) => (one < other ? -1 : 1)));
}

const outdir = mkdtempSync(join(tmpdir(), 'golden-'));
console.log = console.warn = () => {};
synthesize(outdir);
const compiled = readdirSync(outdir).find((name) => name.endsWith('.graphql'));
const schema = visit(parse(readFileSync(join(outdir, compiled), 'utf8')), { Directive: () => null });
const scalars = SCALARS.map((name) => `scalar AWS${name}\n\n`).join('');
writeFileSync(join(folder, 'golden.graphql'), `${scalars}${print(schema).trimEnd()}\n`);
writeFileSync(join(folder, 'tables.json'), `${JSON.stringify(tables(outdir), null, 2)}\n`);
