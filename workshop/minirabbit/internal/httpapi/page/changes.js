// What happened between two looks at the broker, told by counters: a message that came and went meanwhile is in them, though
// no depth shows it.

import { bindingName } from '/page/layout.js';

// changes compares two answers of /live. Without a former one nothing has happened.
export function changes(before, now) {
  if (!before || before.host !== now.host) return { exchanges: [], queues: [], channels: [], bindings: [], lines: [] };
  const exchanges = moved(before.exchanges, now.exchanges, { in: 'publish_in', out: 'publish_out' });
  const queues = moved(before.queues, now.queues, { in: 'publish', out: 'deliver_get', again: 'redeliver', acked: 'ack' });
  const channels = moved(before.channels, now.channels, {
    published: 'publish', returned: 'return_unroutable', delivered: 'deliver_get', acked: 'ack',
  });
  const bindings = moved(before.bindings.map(counted), now.bindings.map(counted), { carried: 'carried' });
  const lines = [
    ...came('connection', before.connections, now.connections, 'opened', 'closed', client),
    ...came('exchange', before.exchanges, now.exchanges, 'declared', 'deleted', (x) => x.name),
    ...came('queue', before.queues, now.queues, 'declared', 'deleted', (q) => q.name),
    ...came('consumer', before.consumers.map(tagged), now.consumers.map(tagged), 'on', 'off', (c) => `${c.consumer_tag} of ${c.queue.name}`),
    ...exchanges.filter((x) => x.by.in > x.by.out).map((x) => `exchange ${x.thing.name || '(default)'}: ${x.by.in} came, ${x.by.out || 'none'} went on`),
    ...queues.map(({ thing, by }) => `queue ${thing.name}: ${story(by)}`),
  ];
  return { exchanges, queues, channels, bindings, lines };
}

// moved returns the things whose counters rose, and by how much. A counter that fell began anew: its thing was declared again,
// or the broker started again.
function moved(before, now, counters) {
  const old = new Map(before.map((thing) => [thing.name, thing]));
  const found = [];
  for (const thing of now) {
    const by = {};
    for (const [short, field] of Object.entries(counters)) {
      const was = old.get(thing.name)?.message_stats[field] ?? 0;
      const is = thing.message_stats[field];
      by[short] = is >= was ? is - was : is;
    }
    if (Object.values(by).some((n) => n > 0)) found.push({ thing, by });
  }
  return found;
}

function came(kind, before, now, appeared, gone, text) {
  const old = new Set(before.map((t) => t.name));
  const is = new Set(now.map((t) => t.name));
  return [
    ...now.filter((t) => !old.has(t.name)).map((t) => `${kind} ${text(t)} ${appeared}`),
    ...before.filter((t) => !is.has(t.name)).map((t) => `${kind} ${text(t)} ${gone}`),
  ];
}

const counted = (b) => ({ name: bindingName(b), message_stats: b });
const tagged = (c) => ({ ...c, name: `${c.channel_details.name} ${c.consumer_tag}` });

function story(by) {
  return [
    by.in && `${by.in} came`, by.out && `${by.out} went out`, by.again && `${by.again} of them again`, by.acked && `${by.acked} acked`,
  ].filter(Boolean).join(', ');
}

// client is how a connection is called: by the name its program gave it, else by its address.
export function client(c) {
  const given = c.client_properties.connection_name;
  const address = `${c.peer_host}:${c.peer_port}`;
  return given ? `${given} (${address})` : address;
}
