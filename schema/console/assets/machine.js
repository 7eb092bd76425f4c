// A request on the picture of its machine: the states it went through, the one where it is, and until when.

import { clock, el } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
const ENDED = { PAID: 'CompleteWorkflow', REJECTED: 'CompleteWorkflow', EXPIRED: 'CompleteWorkflow' };
// In the order of the tabs.
const TITLES = {
  ServiceRequestWorkflow: 'Request',
  DisputeResolutionWorkflow: 'Dispute',
  EscrowManagementWorkflow: 'Payment',
  EscrowCancellationWorkflow: 'Refund',
  BalanceReconciliationWorkflow: 'Reconciliation',
};

const templates = [...document.querySelectorAll('template[data-machine]')];
// The state at which a request comes to each status.
const states = JSON.parse(document.body.dataset.states);

const placeOf = (machine) => (Object.keys(TITLES).indexOf(machine) + 1) || Infinity;
const machines = templates
  .map((template) => template.dataset.machine)
  .sort((one, other) => placeOf(one) - placeOf(other));

export function picture(machine) {
  const template = templates.find((one) => one.dataset.machine === machine);
  return template.content.firstElementChild.cloneNode(true);
}

// The machine on whose picture a request is.
export function machineOf(progress) {
  const decides = progress?.status === 'DISPUTED' || progress?.currentStep === 'WaitForAdminDecision';
  return decides ? 'DisputeResolutionWorkflow' : 'ServiceRequestWorkflow';
}

// Marks a picture: done and current states, and the ways between them.
export function mark(svg, progress) {
  const nodes = new Map([...svg.querySelectorAll('.state')].map((node) => [node.dataset.state, node]));
  const reached = progress.steps.filter((step) => step.state !== 'TO_COME').map((step) => states[step.name]);
  const current = ENDED[progress.status] ?? (nodes.has(progress.currentStep) ? progress.currentStep : reached.at(-1));
  const anchors = [...reached, current].filter((name) => nodes.has(name));
  if (!reached.some((name) => nodes.has(name)) && nodes.has(current)) {
    anchors.unshift(svg.querySelector('.state').dataset.state);  // of a dispute, whose statuses are not these
  }
  const isOver = progress.status in ENDED;
  const ways = waysOf(svg);
  for (const [from, to] of pairs(anchors)) {
    for (const [state, way] of between(ways, from, to)) {
      nodes.get(state)?.classList.add('done');
      if (!way) continue;
      way.classList.add('done');
      svg.insertBefore(way, svg.querySelector('.state'));  // above the other lines
    }
  }
  if (anchors.length === 1 || isOver) nodes.get(anchors.at(-1))?.classList.add('done');
  const at = nodes.get(current);
  if (!isOver && at) {
    at.classList.remove('done');
    at.classList.add('current');
    if (progress.deadline) tag(at, progress.deadline);
  }
  return at;
}

const pairs = (list) => list.slice(1).map((item, place) => [list[place], item]);

// The lines of a picture by the states that they leave.
function waysOf(svg) {
  const ways = new Map();
  for (const line of svg.querySelectorAll('.way')) {
    ways.set(line.dataset.from, [...(ways.get(line.dataset.from) ?? []), line]);
  }
  return ways;
}

const isTimeout = (way) => way.querySelector('.timeout') !== null;

// The states and lines of the way from one state to another one; only the first state, if no line leads there.
function between(ways, from, to) {
  const isLate = to === states.EXPIRED;
  return search(ways, from, to, (way) => isLate || !isTimeout(way))
    ?? search(ways, from, to, () => true)
    ?? [[from, null]];
}

function search(ways, from, to, isOpen) {
  const before = new Map([[from, null]]);
  for (const state of before.keys()) {  // a map's keys include those that are added meanwhile
    for (const way of (ways.get(state) ?? []).filter(isOpen)) {
      if (!before.has(way.dataset.to)) before.set(way.dataset.to, way);
    }
  }
  if (!before.has(to)) return null;
  const found = [[to, null]];
  for (let way = before.get(to); way; way = before.get(way.dataset.from)) found.unshift([way.dataset.from, way]);
  return found;
}

// A tag at a state that waits: until when.
function tag(node, deadline) {
  const words = `until ${clock(deadline)}`;
  const [width, height] = [14 + 6 * words.length, 16];
  const right = Number(node.querySelector('.box').getAttribute('width'));
  const group = document.createElementNS(SVG, 'g');
  group.setAttribute('class', 'until');
  group.setAttribute('transform', `translate(${right - width - 6} ${-height + 3})`);
  const box = document.createElementNS(SVG, 'rect');
  for (const [name, value] of Object.entries({ width, height, rx: height / 2 })) box.setAttribute(name, value);
  const text = document.createElementNS(SVG, 'text');
  text.setAttribute('x', width / 2);
  text.setAttribute('y', 11.5);
  text.textContent = words;
  group.append(box, text);
  node.append(group);
}

export function tabs(chosen, choose) {
  return el('div', { class: 'tabs', role: 'tablist' }, ...machines.map((machine) =>
    el('button', {
      type: 'button', role: 'tab', 'aria-selected': String(machine === chosen), onclick: () => choose(machine),
    }, TITLES[machine] ?? machine)));
}
