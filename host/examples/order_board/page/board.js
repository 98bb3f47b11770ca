const element = id => document.getElementById(id);
const orders = new Map();

const ask = async (path, content) => {
  const response = await fetch(path, content && {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(content),
  });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
};

const me = await ask('/api/me');
element('user').textContent = me.user;

const show = order => {
  // The list and the events may arrive in any order: the highest revision is the present one.
  if ((orders.get(order.id)?.revision ?? 0) >= order.revision) return;
  orders.set(order.id, order);
  const row = element(`order-${order.id}`) ?? element('orders').insertRow(0);
  row.id = `order-${order.id}`;
  row.replaceChildren(...[order.id, order.user, order.dish, order.state].map(text => {
    const cell = document.createElement('td');
    cell.textContent = text;
    return cell;
  }));
  if (!me.staff) return;
  for (const state of ['cooking', 'ready']) {
    const button = document.createElement('button');
    button.textContent = state;
    button.onclick = () => ask(`/api/orders/${order.id}`, { state });
    row.append(button);
  }
};

const load = async () => (await ask('/api/orders')).reverse().forEach(show);
const leave = () => location.assign('/login');

const source = new EventSource(`/events/${me.staff ? 'orders' : `orders-${me.user}`}`);
source.onopen = load;
source.onmessage = event => show(JSON.parse(event.data));
source.addEventListener('gap', load);
// The session has ended: the server closes the stream in order.
source.addEventListener('grant-end', leave);

const news = new EventSource('/events/news');
news.onmessage = event => { element('news').textContent = event.data; };

element('order').onsubmit = async event => {
  event.preventDefault();
  await ask('/api/orders', { dish: event.target.dish.value });
  event.target.reset();
};
