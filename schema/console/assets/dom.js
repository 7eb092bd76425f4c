// Elements and words. Texts are always set as texts: what members wrote is never markup.

export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

export const words = (name) => name.replaceAll('_', ' ').toLowerCase();

// "WaitForProviderResponse" as "wait for provider response"
export const stateWords = (name) => name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
export const hours = (number) => (number == null ? '–' : `${plain.format(number)} h`);

const UNITS = [[86_400, 'd'], [3_600, 'h'], [60, 'min'], [1, 's']];

// A span in its largest unit, and the next smaller one: "23 h 59 min".
export function span(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const largest = UNITS.findIndex(([size]) => seconds >= size);
  if (largest < 0) return '0 s';
  const [size, unit] = UNITS[largest];
  const first = `${Math.floor(seconds / size)} ${unit}`;
  const next = UNITS[largest + 1];
  const rest = next && Math.floor((seconds % size) / next[0]);
  return rest ? `${first} ${rest} ${next[1]}` : first;
}

export function ago(moment) {
  const seconds = (Date.now() - new Date(moment)) / 1000;
  if (seconds < 5) return 'now';
  const [size, unit] = UNITS.find(([one]) => seconds >= one) ?? [1, 's'];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

const two = (number) => String(number).padStart(2, '0');

// The time of day, with the day if that is not today.
export function clock(moment, hasSeconds = false) {
  const at = new Date(moment);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}${hasSeconds ? `:${two(at.getSeconds())}` : ''}`;
  if (at.toDateString() === new Date().toDateString()) return time;
  return `${at.toLocaleDateString('en', { day: 'numeric', month: 'short' })} ${time}`;
}
