// The shop of http.yaml: GET /health, GET /orders?state=paid, PUT /orders/1, POST /stop.
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

const orders = [
  { id: 1, customer: 'Ada', state: 'paid' },
  { id: 2, customer: 'Grace', state: 'open' },
  { id: 3, customer: 'Linus', state: 'paid' },
];

/** Serves until it is told to stop, or the attempt is. */
export const serve = async ({ signal, log }) => {
  let asked = 0;
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const answer = (status, body) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(body && JSON.stringify(body));
    const route = `${request.method} ${pathname.replace(/\d+$/, ':id')}`;
    switch (route) {
      case 'GET /health':
        return asked++ < 2 ? answer(503, { state: 'opening' }) : answer(200, { state: 'open' });
      case 'GET /orders':
        return answer(200, { orders: orders.filter(({ state }) => state === searchParams.get('state')) });
      case 'PUT /orders/:id': {
        const order = orders.find(({ id }) => pathname.endsWith(`/${id}`));
        if (!order) return answer(404);
        const { state, by } = await json(request);
        order.state = state;
        log.info(`order ${order.id} is ${state}, says ${by}`);
        return answer(204);
      }
      case 'POST /stop':
        // A connection that is kept alive would keep the server.
        response.setHeader('connection', 'close');
        answer(200, { state: 'closed' });
        return server.close();
      default:
        return answer(404);
    }
  });
  signal.addEventListener('abort', () => server.close().closeAllConnections());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${server.address().port}`;
  // Whoever looks for the file finds all of it, or none.
  writeFileSync(`${process.env.ADDRESS}.part`, JSON.stringify(address));
  renameSync(`${process.env.ADDRESS}.part`, process.env.ADDRESS);
  log.info(`open at ${address}`);
  await once(server, 'close');
};
