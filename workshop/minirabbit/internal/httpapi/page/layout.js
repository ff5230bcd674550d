// Where everything stands: pure functions from what the broker tells to boxes and paths.
//
//   exchange ──► key ──► queue ──► consumers        and, for exchanges bound to exchanges, one more pair of columns each

const size = {
  exchange: { w: 170, h: 46 }, key: { w: 150, h: 24 }, queue: { w: 236, h: 80 }, consumer: { w: 210, h: 40 },
};
const gap = { x: 48, y: 14 };
const top = 28; // below the names of the columns

// layout places what is visible. View is an answer of /live; options: filter (part of a name), all (unused things too).
export function layout(view, options) {
  const found = visible(view, options);
  const depths = depthsOf(found);
  const deepest = Math.max(0, ...depths.values());
  const columns = columnsOf(deepest);
  const queues = placeQueues(found, columns);
  const exchanges = new Map();
  const keys = [];
  for (let depth = deepest; depth >= 0; depth--) {
    placeExchanges(found, depth, depths, columns, queues, exchanges, keys);
  }
  const consumers = placeConsumers(found, columns, queues);
  const boxes = [...exchanges.values(), ...keys, ...queues.values(), ...consumers];
  return {
    exchanges, keys, queues, consumers, columns,
    edges: edgesOf(exchanges, keys, queues, consumers),
    width: columns.consumer + size.consumer.w + 2,
    height: Math.max(top + 60, ...boxes.map((b) => b.y + b.h)) + 4,
  };
}

// visible picks what is shown. The default exchange's bindings are shown to queues that have no other.
function visible(view, { filter, all }) {
  const named = (name) => !filter || name.includes(filter);
  const bound = new Set(view.bindings.filter((b) => b.destination_type === 'queue').map((b) => b.destination));
  const direct = view.queues.filter((q) => all || !bound.has(q.name)).map((q) => ({
    source: '', destination: q.name, destination_type: 'queue', routing_key: q.name, arguments: {}, properties_key: q.name,
  }));
  let bindings = [...direct, ...view.bindings];
  let queues = view.queues;
  if (filter) {
    bindings = bindings.filter((b) => named(b.source) || named(b.destination));
    const reached = new Set(bindings.map((b) => b.destination));
    queues = queues.filter((q) => named(q.name) || reached.has(q.name));
  }
  const used = new Set(bindings.flatMap((b) => (b.destination_type === 'exchange' ? [b.source, b.destination] : [b.source])));
  const exchanges = view.exchanges.filter((x) => {
    if (used.has(x.name)) return true;
    if (filter) return named(x.name) && x.name !== '';
    return all || x.message_stats.publish_in > 0 || !(x.name === '' || x.name.startsWith('amq.'));
  });
  return { exchanges, bindings, queues, consumers: view.consumers };
}

// depthsOf tells how many exchanges stand before each: 0 unless it is bound to another. In a circle the first one met is first.
function depthsOf({ exchanges, bindings }) {
  const before = new Map(exchanges.map((x) => [x.name, []]));
  for (const b of bindings) {
    if (b.destination_type === 'exchange') before.get(b.destination)?.push(b.source);
  }
  const depths = new Map();
  const visit = (name, path) => {
    if (depths.has(name)) return depths.get(name);
    if (path.has(name)) return -1;
    path.add(name);
    const depth = 1 + Math.max(-1, ...(before.get(name) ?? []).map((n) => visit(n, path)));
    path.delete(name);
    depths.set(name, depth);
    return depth;
  };
  for (const x of exchanges) visit(x.name, new Set());
  return depths;
}

function columnsOf(deepest) {
  const pair = size.exchange.w + size.key.w + 2 * gap.x;
  const queue = (deepest + 1) * pair + 1;
  return {
    exchange: (depth) => depth * pair + 1,
    key: (depth) => depth * pair + size.exchange.w + gap.x + 1,
    queue, consumer: queue + size.queue.w + gap.x, deepest,
  };
}

function placeQueues({ queues, bindings, consumers }, columns) {
  const first = (q) => bindings.find((b) => b.destination_type === 'queue' && b.destination === q.name)?.source ?? '';
  const sorted = queues.map((q) => ({ q, source: first(q) }))
    .sort((a, b) => compare(a.source, b.source) || compare(a.q.name, b.q.name));
  const placed = new Map();
  let y = top;
  for (const { q } of sorted) {
    const count = consumers.filter((c) => c.queue.name === q.name).length;
    const room = Math.max(size.queue.h, count * (size.consumer.h + 6) - 6);
    placed.set(q.name, { ...size.queue, x: columns.queue, y: y + (room - size.queue.h) / 2, room, data: q });
    y += room + gap.y;
  }
  return placed;
}

// placeExchanges places the exchanges of one depth and their keys, each key as near to its target as the order allows.
function placeExchanges({ exchanges, bindings }, depth, depths, columns, queues, placed, keys) {
  const target = (b) => (b.destination_type === 'queue' ? queues.get(b.destination) : placed.get(b.destination));
  const groups = exchanges.filter((x) => depths.get(x.name) === depth).map((x) => {
    const own = bindings.filter((b) => b.source === x.name).map((b) => ({ b, at: middle(target(b)) }));
    own.sort((a, b) => a.at - b.at || compare(a.b.routing_key, b.b.routing_key));
    return { x, own, at: own.length ? own[0].at : Infinity };
  });
  groups.sort((a, b) => a.at - b.at || compare(a.x.name, b.x.name));
  let y = top;
  for (const { x, own } of groups) {
    const start = y;
    let from = Infinity, to = 0;
    for (const { b, at } of own) {
      const box = { ...size.key, x: columns.key(depth), y: Math.max(y, at - size.key.h / 2), data: b };
      if (own.length === 1) box.y = Math.max(box.y, start + (size.exchange.h - size.key.h) / 2);
      keys.push(box);
      y = box.y + size.key.h + 6;
      from = Math.min(from, box.y);
      to = box.y + size.key.h;
    }
    const centre = own.length ? (from + to) / 2 : start + size.exchange.h / 2;
    const box = { ...size.exchange, x: columns.exchange(depth), y: Math.max(start, centre - size.exchange.h / 2), data: x };
    placed.set(x.name, box);
    y = Math.max(y, box.y + box.h) + gap.y;
  }
}

function placeConsumers({ consumers }, columns, queues) {
  const next = new Map();
  return consumers.filter((c) => queues.has(c.queue.name)).map((c) => {
    const queue = queues.get(c.queue.name);
    const all = consumers.filter((o) => o.queue.name === c.queue.name).length;
    const nth = next.get(c.queue.name) ?? 0;
    next.set(c.queue.name, nth + 1);
    const height = all * (size.consumer.h + 6) - 6;
    return { ...size.consumer, x: columns.consumer, y: middle(queue) - height / 2 + nth * (size.consumer.h + 6), data: c };
  });
}

function edgesOf(exchanges, keys, queues, consumers) {
  const edges = [];
  for (const key of keys) {
    const b = key.data;
    const from = exchanges.get(b.source);
    const to = b.destination_type === 'queue' ? queues.get(b.destination) : exchanges.get(b.destination);
    if (!from || !to) continue;
    edges.push({
      kind: 'binding', name: bindingName(b), source: b.source, target: b.destination, toExchange: b.destination_type === 'exchange',
      path: `${curve(from, key)} L${key.x + key.w},${middle(key)} ${curve(key, to).replace(/^M\S+/, '')}`,
    });
  }
  for (const c of consumers) {
    const queue = queues.get(c.data.queue.name);
    edges.push({ kind: 'delivery', source: c.data.queue.name, channel: c.data.channel_details.name, path: curve(queue, c) });
  }
  return edges;
}

// bindingName is the same for a binding in each answer, and no other's.
export const bindingName = (b) => JSON.stringify([b.source, b.destination_type, b.destination, b.properties_key]);

function curve(from, to) {
  const x1 = from.x + from.w, y1 = middle(from), x2 = to.x, y2 = middle(to);
  const bend = Math.max(24, Math.abs(x2 - x1) / 2);
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
}

const middle = (box) => (box ? box.y + box.h / 2 : Infinity);
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
