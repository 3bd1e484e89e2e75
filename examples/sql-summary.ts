// asyncjob's sample job, on a real SQLite database: connect, check the rights, open two tables, query both side by side,
// sum them up, and send the summary. One sealed definition makes any number of reports, at once too.
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineJob, NonRetryableError } from 'tintype';

/** SQLite: Node's own where it has one (from 22.13), else the package with the same API. */
const { DatabaseSync } = (process.getBuiltinModule?.('node:sqlite') ??
  createRequire(import.meta.url)('@photostructure/sqlite')) as typeof import('@photostructure/sqlite');
type Statement = ReturnType<InstanceType<typeof DatabaseSync>['prepare']>;

type Sums = { readonly count: number; readonly total: number };
const sum = (query: Statement, region: string) => query.get(region) as Sums;

const sqlSummary = defineJob<{ database: string; user: string; region: string }>('sqlSummary')
  .task('getConnection', { maxRetries: 2, retry: { backoff: 'exponential', delayMs: 50 } }, ({ ctx }) => ({
    connection: new DatabaseSync(ctx.database),
  }))
  .task('checkAuth', { dependsOn: ['getConnection'] }, ({ ctx }) => {
    const known = ctx.connection.prepare('SELECT 1 FROM users WHERE name = ?').get(ctx.user);
    if (!known) throw new NonRetryableError(`${ctx.user} may not read the sales`);
  })
  .task('getOrderClient', { dependsOn: ['getConnection', 'checkAuth'] }, ({ ctx }) => ({
    orders: ctx.connection.prepare('SELECT count(*) AS count, total(amount) AS total FROM orders WHERE region = ?'),
  }))
  .task('getRefundClient', { dependsOn: ['getConnection', 'checkAuth'] }, ({ ctx }) => ({
    refunds: ctx.connection.prepare('SELECT count(*) AS count, total(amount) AS total FROM refunds WHERE region = ?'),
  }))
  .task('queryOrders', { dependsOn: ['getOrderClient'], timeout: 5_000 }, ({ ctx }) => ({
    ordered: sum(ctx.orders, ctx.region),
  }))
  .task('queryRefunds', { dependsOn: ['getRefundClient'], timeout: 5_000 }, ({ ctx }) => ({
    refunded: sum(ctx.refunds, ctx.region),
  }))
  .task('summarize', { dependsOn: ['queryOrders', 'queryRefunds'] }, ({ deps, ctx: { region } }) => {
    const { ordered } = deps.queryOrders;
    const { refunded } = deps.queryRefunds;
    return {
      summary: `${region}: ${ordered.count} orders, ${refunded.count} refunds, net ${ordered.total - refunded.total}`,
    };
  })
  .task('emailNotification', { dependsOn: ['summarize'], continueOnFailure: true }, ({ ctx, log }) => {
    log.info(`To sales: ${ctx.summary}`);
  })
  .seal();

const database = join(tmpdir(), `tintype-sales-${process.pid}.db`);
const sales = new DatabaseSync(database);
sales.exec(`
  CREATE TABLE users (name TEXT PRIMARY KEY);
  CREATE TABLE orders (region TEXT, amount REAL);
  CREATE TABLE refunds (region TEXT, amount REAL);
  INSERT INTO users VALUES ('ada');
  INSERT INTO orders VALUES ('north', 120), ('north', 80), ('south', 50);
  INSERT INTO refunds VALUES ('north', 30), ('south', 50);
`);
sales.close();

const start = (user: string, region: string) => {
  const job = sqlSummary.start({ database, user, region });
  job.events$.subscribe((event) => event.type === 'task.log' && console.log(event.message));
  return job;
};
const jobs = [start('ada', 'north'), start('ada', 'south'), start('mallory', 'north')];
const results = await Promise.all(jobs);
for (const { error } of results) if (error) console.log(`${error.failedTask}: ${error.rootCause()}`);
for (const { ctx } of results) ctx.connection?.close();
rmSync(database);
