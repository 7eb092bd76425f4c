// The chosen request: what it waits for, its hours, and its log.

import { ago, clock, el, hours, span, stateWords, words } from './dom.js';

export function showDetails(place, row, found, nameOf) {
  place.replaceChildren(
    head(row, nameOf),
    now(row, found.getWorkflowStatus),
    ledger(row, found, nameOf),
    log(found.eventLogsByEntityId?.items ?? [], nameOf),
  );
}

function head(row, nameOf) {
  return el('div', { class: 'head' },
    el('h2', {}, row.service?.title ?? 'A service'),
    el('p', { class: 'parties' }, `${nameOf(row.requesterId)} asks ${nameOf(row.providerId)}`),
    el('p', { class: 'id' }, row.id));
}

function now(row, progress) {
  const step = progress?.currentStep;
  const status = progress?.status ?? row.status;
  const isWait = Boolean(progress?.deadline);
  return el('div', { class: 'now', 'data-status': status },
    el('p', { class: 'status' }, words(status)),
    isWait && el('p', {}, stateWords(step)),
    isWait && left(progress.deadline),
    row.statusReason && el('p', { class: 'reason' }, words(row.statusReason)),
    progress && bar(progress.percentComplete));
}

function left(deadline) {
  const time = el('time', { class: 'left', datetime: deadline });
  const show = () => {
    const rest = new Date(deadline) - Date.now();
    time.textContent = rest > 0
      ? `until ${clock(deadline, rest < 120_000)}, ${span(rest)} left`
      : `over since ${clock(deadline, true)}`;
  };
  time.addEventListener('tick', show);
  show();
  return time;
}

function bar(percent) {
  return el('progress', { max: 100, value: percent, 'aria-label': 'How much of its way is done' });
}

const HELD = { ESCROWED: 'held', RELEASED: 'released', CANCELLED: 'given back' };

function ledger(row, found, nameOf) {
  const escrows = found.escrowsByRequestId?.items ?? [];
  const balances = [found.from, found.to].filter(Boolean);
  return el('div', { class: 'ledger' },
    el('h3', {}, 'Hours'),
    escrows.length === 0 && el('p', { class: 'nothing' }, `${hours(row.estimatedHours)} asked for, nothing held`),
    ...escrows.map((escrow) => el('p', { class: 'escrow', 'data-status': escrow.status },
      el('b', {}, hours(escrow.amount)), ` ${HELD[escrow.status] ?? words(escrow.status)}`,
      el('time', { class: 'ago', datetime: escrow.releasedAt ?? escrow.cancelledAt ?? escrow.createdAt },
        ago(escrow.releasedAt ?? escrow.cancelledAt ?? escrow.createdAt)))),
    el('table', {}, el('tbody', {}, ...balances.map((balance) => el('tr', {},
      el('th', { scope: 'row' }, nameOf(balance.userId)),
      el('td', { class: 'quiet' }, balance.escrowedBalance ? `${hours(balance.escrowedBalance)} held` : ''),
      el('td', {}, hours(balance.availableBalance)))))));
}

function log(events, nameOf) {
  return el('div', { class: 'log' },
    el('h3', {}, 'Log'),
    el('ol', {}, ...events.map((event) => el('li', { 'data-type': event.eventType },
      el('time', { datetime: event.timestamp, title: event.timestamp }, clock(event.timestamp, true)),
      el('span', {}, event.eventType),
      event.actorUserId && el('span', { class: 'quiet' }, `by ${nameOf(event.actorUserId)}`)))));
}
