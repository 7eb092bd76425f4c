// The books: what members have and what is held, and whether the last reconciliation found anything.

import { ago, el, hours, words } from './dom.js';

const LISTED = 8;

export function showBooks(place, { report, balances, hasMoreBalances }) {
  const rows = [...balances.values()].sort((one, other) => other.totalBalance - one.totalBalance);
  place.replaceChildren(
    el('h2', {}, 'Books'),
    reconciliation(report),
    ...(rows.length ? totals(rows, hasMoreBalances) : []),
  );
}

function reconciliation(report) {
  if (!report) return el('p', { class: 'nothing' }, 'Not reconciled yet.');
  const isOver = report.status === 'COMPLETED';
  const isFine = isOver && report.discrepancyCount === 0;
  const count = report.discrepancyCount === 1 ? '1 discrepancy' : `${report.discrepancyCount || 'No'} discrepancies`;
  const at = report.finishedAt ?? report.startedAt;
  return el('div', { class: 'reconciliation', 'data-fine': String(isFine) },
    el('p', {},
      el('b', {}, isOver ? count : words(report.status)),
      ` in ${report.membersChecked} ${report.membersChecked === 1 ? 'account' : 'accounts'}`),
    el('p', { class: 'quiet' },
      el('span', {}, `${hours(report.totalHours)} of ${hours(report.issuedHours)} issued`),
      el('time', { class: 'ago', datetime: at }, ago(at))),
    ...report.discrepancies.slice(0, 3).map((one) => el('p', { class: 'bad' }, `${words(one.fault)}: ${one.message}`)));
}

const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);

function totals(rows, hasMore) {
  const [available, held] = [sum(rows, 'availableBalance'), sum(rows, 'escrowedBalance')];
  const share = available + held > 0 ? available / (available + held) : 1;
  return [
    el('div', { class: 'share' },
      el('meter', { min: 0, max: 1, value: share, 'aria-label': 'What is available of all hours' }),
      el('p', {}, el('span', {}, `${hours(available)} available`), el('span', {}, `${hours(held)} held`))),
    el('table', {}, el('tbody', {}, ...rows.slice(0, LISTED).map((row) => el('tr', {},
      el('th', { scope: 'row' },
        row.user?.username ?? 'somebody',
        row.lockedAt && el('span', { class: 'bad' }, ' locked')),
      el('td', { class: 'quiet' }, row.escrowedBalance ? `${hours(row.escrowedBalance)} held` : ''),
      el('td', {}, hours(row.availableBalance)))))),
    (rows.length > LISTED || hasMore)
      && el('p', { class: 'quiet' }, `and ${Math.max(0, rows.length - LISTED)}${hasMore ? '+' : ''} more`),
  ].filter(Boolean);
}
