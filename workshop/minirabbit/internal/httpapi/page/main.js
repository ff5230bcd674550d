// The page: asks the broker every third of a second, shows what it says.

import { layout } from '/page/layout.js';
import { Graph, consumerID, setText, restart } from '/page/draw.js';
import { changes, client } from '/page/changes.js';
import { flow } from '/page/flow.js';

const pause = 300; // milliseconds between two looks
const remembered = 200; // lines of the log

const byID = (id) => document.getElementById(id);
const graph = new Graph(byID('graph'));
let credentials = sessionStorage.getItem('credentials') ?? btoa('guest:guest'); // what every new RabbitMQ has
let host = decodeURIComponent(location.hash.slice(1)) || '/';
let last = null;

async function look() {
  const asked = host;
  let answer;
  try {
    answer = await fetch(`/live/${encodeURIComponent(asked)}`, { headers: { Authorization: `Basic ${credentials}` }, credentials: 'omit' });
  } catch {
    byID('view').classList.add('stale');
    notice('The broker does not answer. I ask again and again.');
    return true;
  }
  if (asked !== host) return true;
  switch (answer.status) {
    case 200:
      show(await answer.json());
      return true;
    case 404: // the virtual host was deleted, perhaps the last one too
      notice(`There is no virtual host ${asked}.`);
      host = '/';
      return true;
    default:
      notice((await answer.json().catch(() => ({}))).reason ?? answer.statusText);
      byID('login').hidden = false;
      return false;
  }
}

async function lookForEver() {
  while (await look()) await new Promise((resolve) => setTimeout(resolve, pause));
}

function show(view) {
  byID('login').hidden = true;
  byID('view').hidden = false;
  byID('view').classList.remove('stale');
  notice(view.alarm ? `Alarm: ${view.alarm}. Connections that publish are blocked.` : '');
  setText(byID('version'), `behaves like RabbitMQ ${view.version}`);
  showHosts(view);
  const plan = layout(view, { filter: byID('filter').value, all: byID('all').checked });
  graph.show(plan);
  showConnections(view);
  animate(plan, view, changes(last, view));
  last = view;
}

function notice(text) {
  setText(byID('notice'), text);
  byID('notice').hidden = !text;
}

function showHosts(view) {
  const names = view.hosts.map((h) => h.name);
  const select = byID('hosts');
  if (JSON.stringify(names) !== select.dataset.names) {
    select.dataset.names = JSON.stringify(names);
    select.replaceChildren(...names.map((name) => new Option(name, name)));
  }
  select.value = view.host;
}

function showConnections(view) {
  const rows = view.connections.map((c) => {
    const sum = { publish: 0, return_unroutable: 0, deliver_get: 0, ack: 0 };
    for (const ch of view.channels.filter((one) => one.connection_details.name === c.name)) {
      for (const field of Object.keys(sum)) sum[field] += ch.message_stats[field];
    }
    return [c.name, [client(c), c.user, c.channels, ...Object.values(sum)]];
  });
  const body = byID('connections').tBodies[0];
  const old = new Map([...body.rows].map((row) => [row.dataset.name, row]));
  body.replaceChildren(...rows.map(([name, cells]) => {
    const row = old.get(name) ?? newRow(name, cells.length);
    cells.forEach((text, i) => {
      const cell = row.cells[i];
      if (cell.textContent === String(text)) return;
      if (old.has(name)) restart(cell, 'flash');
      cell.textContent = text;
    });
    return row;
  }));
}

function newRow(name, width) {
  const row = document.createElement('tr');
  row.dataset.name = name;
  for (let i = 0; i < width; i++) row.insertCell().className = i > 1 ? 'n' : '';
  return row;
}

// animate shows what happened: dots along the edges that carried messages, and a flash where something counted.
function animate(plan, view, found) {
  for (const { path, count, delay } of flow(plan.edges, found)) graph.send(path, count, delay);
  const queues = new Map(found.queues.map((q) => [q.thing.name, q.by]));
  const delivered = new Map(found.channels.map((c) => [c.thing.name, c.by.delivered]));
  for (const x of found.exchanges) graph.flash(`exchange ${x.thing.name}`);
  for (const name of queues.keys()) graph.flash(`queue ${name}`);
  for (const c of view.consumers) {
    if (delivered.get(c.channel_details.name) && queues.get(c.queue.name)?.out) graph.flash(consumerID(c));
  }
  const clock = new Date(view.time).toLocaleTimeString('en-GB');
  for (const line of found.lines) byID('log').prepend(entry(clock, line));
  while (byID('log').childElementCount > remembered) byID('log').lastElementChild.remove();
}

function entry(clock, line) {
  const item = document.createElement('li');
  const time = document.createElement('time');
  time.textContent = clock;
  item.append(time, line);
  return item;
}

byID('hosts').addEventListener('change', (event) => {
  host = event.target.value;
  location.hash = encodeURIComponent(host);
});
byID('login').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = new TextEncoder().encode(`${byID('user').value}:${byID('password').value}`);
  credentials = btoa(String.fromCharCode(...text));
  sessionStorage.setItem('credentials', credentials);
  lookForEver();
});
lookForEver();
