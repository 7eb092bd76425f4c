// The page at /graphql: GraphiQL, and in local mode a strip to sign in as one of the demo members.
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import { examples } from './examples.js';
import { SignIn, signInAll } from './sign_in.jsx';
import './page.css';

const { dataset } = document.getElementById('page');
const names = dataset.members ? dataset.members.split(' ') : [];

// Names of workers as the server serves them: the bundler gives each a name with its hash.
globalThis.MonacoEnvironment = {
  getWorker: (_, label) => new Worker(dataset[`${label}Worker`] ?? dataset.editorWorker, { name: label, type: 'module' }),
};

// The header editor's content travels with subscriptions as connection_init's payload.
const fetcher = createGraphiQLFetcher({
  url: location.pathname,
  subscriptionUrl: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${location.pathname}`,
});

// Demo members' tokens are kept as long as the browser's tab lives, real ones not at all.
function start(members) {
  const storage = members.length ? sessionStorage : localStorage;
  const tabs = examples(JSON.parse(dataset.examples), members);
  const first = storage.getItem('graphiql:tabState')
    ? {}
    : { initialQuery: tabs[0]?.query, initialVariables: tabs[0]?.variables, initialHeaders: tabs[0]?.headers };
  createRoot(document.getElementById('page')).render(
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      defaultTabs={tabs.length ? tabs : undefined}
      shouldPersistHeaders={members.length > 0}
      showPersistHeadersSettings={false}
      defaultEditorToolsVisibility="variables"
      plugins={[HISTORY_PLUGIN]}
      {...first}
    >
      <GraphiQL.Logo>
        <SignIn members={members} />
      </GraphiQL.Logo>
    </GraphiQL>,
  );
}

start(await signInAll(names));
