// The graph as SVG: built anew when something came or went, else only its numbers change.

const namespace = 'http://www.w3.org/2000/svg';
const calm = matchMedia('(prefers-reduced-motion: reduce)');

export class Graph {
  constructor(figure) {
    this.figure = figure;
    this.dots = new Set();
    this.numbers = new Map(); // text elements and bars by "queue name" and so on
  }

  // show draws a layout. What did not change its place is only updated.
  show(plan) {
    const shape = JSON.stringify([plan.edges, plan.width, plan.height, [...plan.exchanges.values(), ...plan.keys, ...plan.queues.values(), ...plan.consumers]
      .map((b) => [b.x, b.y, title(b.data)])]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.build(plan);
    }
    for (const box of plan.exchanges.values()) this.updateExchange(box.data);
    for (const box of plan.queues.values()) this.updateQueue(box.data);
    for (const box of plan.consumers) this.set(consumerID(box.data), consumerNumbers(box.data));
  }

  build(plan) {
    this.numbers.clear();
    this.figure.replaceChildren();
    if (plan.exchanges.size + plan.queues.size === 0) {
      const note = document.createElement('p');
      note.className = 'empty';
      note.textContent = 'Nothing here yet. Declare a queue, publish a message, and look again.';
      this.figure.append(note);
      return;
    }
    const svg = element('svg', { width: plan.width, height: plan.height, viewBox: `0 0 ${plan.width} ${plan.height}`, role: 'img' });
    const heading = (x, text) => svg.append(label(text, x, 12, 'column'));
    for (let depth = 0; depth <= plan.columns.deepest; depth++) {
      heading(plan.columns.exchange(depth), 'exchange');
      heading(plan.columns.key(depth), 'binding key');
    }
    heading(plan.columns.queue, 'queue');
    heading(plan.columns.consumer, 'consumers');
    for (const e of plan.edges) svg.append(element('path', { class: 'edge', d: e.path }));
    for (const box of plan.exchanges.values()) svg.append(this.exchange(box));
    for (const box of plan.keys) svg.append(key(box));
    for (const box of plan.queues.values()) svg.append(this.queue(box));
    for (const box of plan.consumers) svg.append(this.consumer(box));
    this.layer = element('g', {});
    svg.append(this.layer);
    this.figure.append(svg);
    for (const dot of this.dots) this.layer.append(dot.circle);
  }

  exchange(box) {
    const x = box.data;
    const g = group('exchange', box, title(x));
    g.append(label(fit(x.name || '(default exchange)', 22), 10, 19, 'name'));
    this.numbers.set(`exchange ${x.name}`, { g, text: g.appendChild(label('', 10, 36, 'small')) });
    return g;
  }

  updateExchange(x) {
    const s = x.message_stats;
    this.set(`exchange ${x.name}`, `${x.type} · in ${s.publish_in} · out ${s.publish_out}`);
  }

  queue(box) {
    const q = box.data;
    const g = group('queue', box, title(q));
    const depth = element('rect', { class: 'depth', x: 0, y: box.h - 6, width: 0, height: 6 });
    const held = element('rect', { class: 'held', x: 0, y: box.h - 6, width: 0, height: 6 });
    g.append(depth, held, label(fit(q.name, 24), 10, 19, 'name'), label(fit(marks(q), 40), 10, 34, 'small'));
    const text = g.appendChild(label('', 10, 52, ''));
    const counts = g.appendChild(label('', 10, 68, 'small'));
    this.numbers.set(`queue ${q.name}`, { g, text, counts, depth, held, width: box.w });
    return g;
  }

  updateQueue(q) {
    const drawn = this.numbers.get(`queue ${q.name}`);
    if (!drawn) return;
    const s = q.message_stats;
    setText(drawn.text, `${q.messages_ready} ready · ${q.messages_unacknowledged} unacked`);
    setText(drawn.counts, `in ${s.publish} · out ${s.deliver_get} · acked ${s.ack}`);
    // Log scale: one message is seen, ten thousand fit.
    const length = (n) => (n === 0 ? 0 : Math.min(1, (1 + Math.log10(n)) / 5) * drawn.width);
    const all = length(q.messages);
    const held = q.messages ? all * q.messages_unacknowledged / q.messages : 0;
    drawn.held.setAttribute('width', held);
    drawn.depth.setAttribute('x', held);
    drawn.depth.setAttribute('width', all - held);
  }

  consumer(box) {
    const c = box.data;
    const g = group(c.active ? 'consumer' : 'consumer waiting', box, title(c));
    g.append(label(fit(c.consumer_tag, 27), 10, 17, 'name'));
    this.numbers.set(consumerID(c), { g, text: g.appendChild(label('', 10, 32, 'small')) });
    return g;
  }

  set(id, text) {
    const drawn = this.numbers.get(id);
    if (drawn) setText(drawn.text, text);
  }

  // flash lights up a box.
  flash(id) {
    const g = this.numbers.get(id)?.g;
    if (g) restart(g, 'flash');
  }

  // send lets up to five dots run along a path, the first after delay milliseconds.
  send(path, count, delay) {
    if (calm.matches || !this.layer) return;
    const track = element('path', { d: path });
    const length = track.getTotalLength();
    for (let i = 0; i < Math.min(count, 5); i++) {
      const circle = element('circle', { class: 'dot', r: 5, visibility: 'hidden' });
      this.layer.append(circle);
      this.dots.add({ circle, track, length, start: performance.now() + delay + i * 90, time: 300 + length });
    }
    if (!this.moving) this.move();
  }

  move() {
    this.moving = this.dots.size > 0;
    const now = performance.now();
    for (const dot of this.dots) {
      const part = (now - dot.start) / dot.time;
      if (part > 1) {
        dot.circle.remove();
        this.dots.delete(dot);
      } else if (part >= 0) {
        const at = dot.track.getPointAtLength(part * dot.length);
        dot.circle.setAttribute('cx', at.x);
        dot.circle.setAttribute('cy', at.y);
        dot.circle.setAttribute('visibility', 'visible');
      }
    }
    if (this.moving) requestAnimationFrame(() => this.move());
  }
}

export const consumerID = (c) => `consumer ${c.channel_details.name} ${c.consumer_tag}`;

function consumerNumbers(c) {
  const limit = c.prefetch_count ? ` of ${c.prefetch_count}` : '';
  const holds = c.ack_required ? `holds ${c.unacked}${limit}` : 'no acks';
  return `${c.active ? holds : 'waits'} · ${c.channel_details.peer_host}:${c.channel_details.peer_port}`;
}

function key(box) {
  const b = box.data;
  const g = group('key', box, title(b), 12);
  g.append(label(fit(keyText(b), 18), 10, 16, ''));
  return g;
}

function keyText(b) {
  const extra = Object.entries(b.arguments).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(' ');
  return [b.routing_key, extra].filter(Boolean).join(' ') || '(empty)';
}

// marks are what is special about a queue.
function marks(q) {
  const a = q.arguments;
  const all = [q.type];
  if (!q.durable) all.push('transient');
  if (q.exclusive) all.push('exclusive');
  if (q.auto_delete) all.push('auto-delete');
  if ('x-message-ttl' in a) all.push(`TTL ${a['x-message-ttl']} ms`);
  if ('x-max-length' in a) all.push(`max ${a['x-max-length']}`);
  if ('x-dead-letter-exchange' in a) all.push(`DLX → ${a['x-dead-letter-exchange'] || `"${a['x-dead-letter-routing-key'] ?? ''}"`}`);
  if (a['x-single-active-consumer']) all.push('single active');
  return all.join(' · ');
}

// title is what a box says in full.
function title(data) {
  if ('routing_key' in data) return `${data.source || '(default exchange)'} → ${data.destination}: ${keyText(data)}`;
  const name = data.name ?? data.consumer_tag;
  const extra = Object.entries(data.arguments ?? {}).map(([n, value]) => `${n}=${JSON.stringify(value)}`);
  const flags = ['durable', 'exclusive', 'auto_delete', 'internal', 'active'].filter((f) => data[f] === true);
  return [name, ...flags, ...extra].join('\n');
}

function group(kind, box, text, round = 5) {
  const g = element('g', { class: kind, transform: `translate(${box.x} ${box.y})` });
  const about = element('title', {});
  about.textContent = text;
  g.append(about, element('rect', { class: 'box', width: box.w, height: box.h, rx: round }));
  return g;
}

function label(text, x, y, kind) {
  const t = element('text', { x, y, class: kind });
  t.textContent = text;
  return t;
}

function element(name, attributes) {
  const e = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  return e;
}

export function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

// restart plays a class's animation from its start.
export function restart(e, name) {
  e.classList.remove(name);
  e.getBoundingClientRect();
  e.classList.add(name);
}

const fit = (text, limit) => (text.length > limit ? `${text.slice(0, limit - 1)}…` : text);
