// node server.js [DATABASE] [PORT]: keeps the dinner, and hands its units out.
import { createServer } from 'tintype/server';
import { sqliteJournal } from 'tintype/sqlite';

const [, , file = 'kitchen.db', port = '8080'] = process.argv;
const journal = sqliteJournal(file);
const server = createServer({ journal });
const { url } = await server.listen({ port: Number(port) });
await server.ready;
console.log(`server: the kitchen is open at ${url}`);

process.once('SIGTERM', async () => {
  await server.close();
  await journal.close();
});
