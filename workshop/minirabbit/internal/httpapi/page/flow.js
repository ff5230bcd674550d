// Which edges carried messages between two looks, told by counters: a pure function, so that it can be tested without a browser.

const step = 500; // milliseconds from one hop to the next

// flow returns how many dots run along which edges, and when. Edges are those of a layout, found is an answer of changes.
export function flow(edges, found) {
  const into = new Map(found.exchanges.map((x) => [x.thing.name, x.by.in]));
  const queues = new Map(found.queues.map((q) => [q.thing.name, q.by]));
  const delivered = new Map(found.channels.map((c) => [c.thing.name, c.by.delivered]));
  const ways = new Map(found.bindings.map((b) => [b.thing.name, b.by.carried]));
  const bindings = edges.filter((e) => e.kind === 'binding');
  // The default exchange's bindings are nowhere counted, but each is the only one to its queue that is shown.
  const carried = (e) => (e.source ? ways.get(e.name) : Math.min(into.get('') ?? 0, queues.get(e.target)?.in ?? 0)) ?? 0;

  // RabbitMQ counts what is published to an exchange, not what comes from another one: those that count are where it begins.
  const hops = new Map(found.exchanges.filter((x) => x.by.in > 0).map((x) => [x.thing.name, 0]));
  const inner = bindings.filter((e) => e.toExchange && carried(e));
  while (inner.filter((e) => lower(hops, e.target, hops.get(e.source) + 1)).length > 0);
  const arrived = new Map();
  for (const e of bindings.filter((b) => !b.toExchange && carried(b))) lower(arrived, e.target, (hops.get(e.source) ?? 0) + 1);

  const sent = [];
  for (const e of edges) {
    if (e.kind === 'binding') {
      sent.push({ path: e.path, count: carried(e), delay: (hops.get(e.source) ?? 0) * step });
    } else if (queues.get(e.source)?.out) {
      sent.push({ path: e.path, count: delivered.get(e.channel) ?? 0, delay: (arrived.get(e.source) ?? 0) * step });
    }
  }
  return sent.filter((s) => s.count > 0);
}

// lower tells whether it made the number of a name smaller. Circles of exchanges come to an end by it.
function lower(map, name, n) {
  if (!(n < (map.get(name) ?? Infinity))) return false;
  map.set(name, n);
  return true;
}
