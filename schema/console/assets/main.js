// The console: what every request does now. It shows what the API lets its caller see, and changes nothing.

import { Api, Refused } from './api.js';
import { showBooks } from './books.js';
import { showDetails } from './details.js';
import * as documents from './documents.js';
import { ago, el, hours, words } from './dom.js';
import { machineOf, mark, picture, tabs } from './machine.js';

const ADMIN = 'admin';
const TICK = 1_000;
const SOON = 120;
const AGAIN = 5_000;
const SAYS = {
  connecting: 'connecting …', live: 'live', lost: 'connection lost, trying again', refused: 'the token is refused',
};
// The last report is asked for again each minute: nobody is told of it.
const BOOKS_EVERY = 60_000;

const byId = (id) => document.getElementById(id);
const place = Object.fromEntries(
  ['live', 'callers', 'problem', 'flow', 'requests', 'machine', 'details', 'books'].map((id) => [id, byId(id)]),
);

const state = {
  api: null,
  caller: null,
  isLoaded: false,
  requests: new Map(),
  hasMore: new Set(),
  filter: null,
  chosen: null,
  details: null,
  machine: null,
  report: null,
  balances: new Map(),
  hasMoreBalances: false,
  changed: null,
  frame: null,
};
let endChosen = () => {};

// --- what is asked ------------------------------------------------------------------------------------------------

async function load() {
  const pages = await Promise.all(documents.REQUESTS.map((query) => state.api.query(query)));
  state.requests.clear();
  state.hasMore.clear();
  for (const [status, page] of pages.flatMap(Object.entries)) {
    for (const row of page?.items ?? []) state.requests.set(row.id, row);
    if (page?.nextToken) state.hasMore.add(status);
  }
  state.isLoaded = true;
  showRequests();
  const first = inOrder()[0];
  if (!state.requests.has(state.chosen) && first) choose(first.id);
  else await loadDetails();
  document.body.dataset.shown = state.caller ?? 'token';
}

async function loadBooks() {
  const [balances, report] = await Promise.allSettled(
    [documents.BALANCES, documents.BOOKS].map((query) => state.api.query(query)),
  );
  for (const row of balances.value?.listUserBalances?.items ?? []) state.balances.set(row.userId, row);
  state.hasMoreBalances = Boolean(balances.value?.listUserBalances?.nextToken);
  state.report = report.value?.getReconciliationReport ?? null;
  showBooks(place.books, state);
}

const loadDetails = soon(async () => {
  const row = state.requests.get(state.chosen);
  if (!row) return;
  const found = await state.api.query(documents.DETAILS, {
    id: row.id, arn: row.stepFunctionExecutionArn ?? '', requester: row.requesterId, provider: row.providerId,
  });
  if (row.id !== state.chosen) return;
  state.details = found;
  showMachine();
  showDetails(place.details, row, found, nameOf);
});

const reloadBooks = soon(loadBooks);

// Calls a function a moment later, once, however often it is wanted meanwhile.
function soon(work) {
  let waits = null;
  return () => {
    waits ??= new Promise((done) => setTimeout(() => {
      waits = null;
      done(tell(work));
    }, SOON));
    return waits;
  };
}

async function tell(work) {
  try {
    await work();
    place.problem.hidden = true;
  } catch (error) {
    const what = error instanceof Refused ? 'Refused' : 'The server does not answer';
    place.problem.textContent = `${what}: ${error.message}`;
    place.problem.hidden = false;
  }
}

// --- what is told -------------------------------------------------------------------------------------------------

function listen() {
  state.api.subscribe(documents.CREATED, {}, ({ onCreateServiceRequest: row }) => row && took(row));
  state.api.subscribe(documents.UPDATED, {}, ({ onUpdateServiceRequest: row }) => row && took(row));
  state.api.subscribe(documents.BALANCE, {}, ({ onUpdateUserBalance: row }) => {
    if (!row) return;
    if (!state.balances.has(row.userId)) {
      if (!state.hasMoreBalances) reloadBooks();  // a new member's; of many members only some are shown
      return;
    }
    state.balances.set(row.userId, { ...state.balances.get(row.userId), ...row });
    showBooks(place.books, state);
  });
}

function took(row) {
  const known = state.requests.get(row.id);
  if (known && known.updatedAt > row.updatedAt) return;
  const kept = Object.fromEntries(Object.entries(row).filter(([, value]) => value != null));
  state.requests.set(row.id, { ...known, ...row, ...kept, service: row.service ?? known?.service,
    requester: row.requester ?? known?.requester, provider: row.provider ?? known?.provider });
  state.changed = row.id;
  showSoon();
  if (row.id === state.chosen) loadDetails();
}

// --- what is shown ------------------------------------------------------------------------------------------------

const nameOf = (id) =>
  state.balances.get(id)?.user?.username
  ?? parties().find((one) => one?.id === id)?.username
  ?? 'somebody';

const parties = () => [...state.requests.values()].flatMap((row) => [row.requester, row.provider]);

const isOver = (row) => documents.ENDED.includes(row.status);

const inOrder = () => [...state.requests.values()]
  .filter((row) => !state.filter || row.status === state.filter)
  .sort((one, other) => isOver(one) - isOver(other) || other.updatedAt.localeCompare(one.updatedAt));

// However many changes come, the list is drawn once a frame.
function showSoon() {
  state.frame ??= requestAnimationFrame(() => {
    state.frame = null;
    forgetOld();
    showRequests();
  });
}

// Of those that have ended, only the latest are kept.
function forgetOld() {
  for (const status of documents.ENDED) {
    const ended = [...state.requests.values()].filter((row) => row.status === status && row.id !== state.chosen);
    ended.sort((one, other) => other.updatedAt.localeCompare(one.updatedAt));
    for (const row of ended.slice(documents.MOST.ended)) {
      state.requests.delete(row.id);
      state.hasMore.add(status);
    }
  }
}

function showRequests() {
  showFlow();
  const rows = inOrder();
  const flying = rows.filter((row) => !isOver(row));
  const ended = rows.filter(isOver);
  place.requests.replaceChildren(
    el('h2', {}, state.filter ? words(state.filter) : 'In flight'),
    flying.length || state.filter
      ? el('ul', {}, ...flying.map(card))
      : el('p', { class: 'nothing' }, state.isLoaded ? 'No request is on its way.' : 'Nothing is known yet.'),
    ...(ended.length && !state.filter ? [el('h2', {}, 'Ended lately')] : []),
    el('ul', {}, ...ended.map(card)),
  );
  state.changed = null;
}

function card(row) {
  return el('li', {}, el('button', {
    type: 'button',
    class: row.id === state.changed ? 'card changed' : 'card',
    'data-id': row.id,
    'data-status': row.status,
    'aria-current': row.id === state.chosen ? 'true' : null,
    onclick: () => choose(row.id),
  },
  el('strong', {}, row.service?.title ?? 'A service'),
  el('span', { class: 'hours' }, hours(row.amount ?? row.estimatedHours)),
  el('span', { class: 'parties' }, `${nameOf(row.requesterId)} → ${nameOf(row.providerId)}`),
  el('span', { class: 'status' }, words(row.status)),
  el('time', { datetime: row.updatedAt, class: 'ago' }, ago(row.updatedAt))));
}

function showFlow() {
  const counts = new Map();
  for (const { status } of state.requests.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
  const tile = (status) => {
    const count = counts.get(status) ?? 0;
    return el('button', {
      type: 'button',
      class: 'tile',
      'data-status': status,
      'data-count': count,
      'aria-pressed': String(state.filter === status),
      onclick: () => {
        state.filter = state.filter === status ? null : status;
        showRequests();
      },
    },
    el('b', {}, state.isLoaded ? `${count}${state.hasMore.has(status) ? '+' : ''}` : '–'),
    el('span', {}, words(status)));
  };
  place.flow.replaceChildren(
    el('div', { class: 'tiles' }, ...documents.IN_FLIGHT.map(tile)),
    el('div', { class: 'tiles ended' }, ...documents.ENDED.map(tile)),
  );
}

function choose(id) {
  endChosen();
  state.chosen = id;
  state.details = null;
  state.machine = null;
  showRequests();
  loadDetails();
  endChosen = state.api.subscribe(documents.PROGRESS, { id }, loadDetails);
}

function showMachine() {
  const progress = state.details?.getWorkflowStatus;
  const machine = state.machine ?? machineOf(progress);
  const scrolled = place.machine.querySelector('.picture');
  const shownAt = scrolled?.dataset.at;
  const svg = picture(machine);
  const current = progress && mark(svg, progress);
  const at = `${state.chosen} ${progress?.currentStep}`;
  const frame = el('div', { class: 'picture', tabindex: '0', 'data-at': at }, svg);
  const top = scrolled?.scrollTop ?? 0;
  place.machine.replaceChildren(
    el('div', { class: 'bar' }, el('h2', {}, 'State machine'), tabs(machine, (one) => {
      state.machine = one;
      showMachine();
    })),
    frame,
  );
  frame.scrollTop = top;
  if (current && shownAt !== frame.dataset.at) {
    frame.scrollTo({ top: middleOf(current, frame), behavior: shownAt ? 'smooth' : 'instant' });
  }
}

// How far a frame is scrolled when a state is in its middle.
function middleOf(node, frame) {
  const [at, top] = [node.getBoundingClientRect(), frame.getBoundingClientRect().top];
  return frame.scrollTop + at.top + at.height / 2 - top - frame.clientHeight / 2;
}

// Every second: how long ago, and how long there is left.
setInterval(() => {
  for (const time of document.querySelectorAll('time.ago')) time.textContent = ago(time.dateTime);
  for (const time of document.querySelectorAll('time.left')) time.dispatchEvent(new Event('tick'));
}, TICK);

setInterval(() => place.live.dataset.state === 'live' && reloadBooks(), BOOKS_EVERY);

// --- who looks ----------------------------------------------------------------------------------------------------

// `caller` is the demo caller whose token it is: when it has expired, there is another one.
function lookWith(token, caller = null) {
  state.api?.close();
  endChosen = () => {};
  Object.assign(state, {
    caller, isLoaded: false, chosen: null, details: null, machine: null, report: null, filter: null,
  });
  state.requests.clear();
  state.balances.clear();
  showRequests();
  for (const part of [place.machine, place.details, place.books]) part.replaceChildren();
  state.api = new Api(token, {
    onState: (now) => {
      place.live.dataset.state = now;
      place.live.textContent = SAYS[now];
      if (now === 'refused' && caller) setTimeout(() => lookAs(caller), AGAIN);
    },
    onLive: () => {
      tell(load);
      reloadBooks();
    },
  });
  listen();
  state.api.connect();
}

async function lookAs(name) {
  const answer = await fetch(`/local/token/${name}`);
  if (!answer.ok) return askForToken();
  const { token } = await answer.json();
  for (const button of place.callers.children) {
    button.setAttribute('aria-pressed', String(button.textContent === name));
  }
  lookWith(token, name);
}

function askForToken() {
  const form = byId('sign-in');
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    lookWith(byId('token').value.trim());
    byId('token').value = '';
  });
}

const callers = document.body.dataset.callers.split(' ').filter(Boolean);
if (callers.length) {
  place.callers.hidden = false;
  place.callers.append(...callers.map((name) => el('button', { type: 'button', onclick: () => lookAs(name) }, name)));
  lookAs(callers.includes(ADMIN) ? ADMIN : callers[0]);
} else {
  askForToken();
}
showRequests();
