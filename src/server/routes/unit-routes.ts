import { createHash } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { TaskDefinition } from '../../engine/definition/plan.ts';
import { hasRole, isBoundToOwners, mayWorkFor, OPEN, type Principal } from '../access/principal.ts';
import type { Api } from '../http/app.ts';
import { unauthenticated } from '../http/authenticate.ts';
import type { Env } from '../http/env.ts';
import { answerPage, cursorOf, PageQuery, pageOf, placeIn } from '../http/page.ts';
import { HttpProblem, notFound } from '../http/problem.ts';
import { BASE, route } from '../http/route.ts';
import { Owner, Slug } from '../schemas/names.ts';
import {
  AllUnitStats,
  ClaimBody,
  ClaimedUnitBody,
  ClaimedUnits,
  ClaimOneBody,
  CommandAnswer,
  CommandsBody,
  ReportedCommand,
  UNIT_STATES,
  UnitBody,
  UnitDetails,
  UnitGroups,
} from '../schemas/unit.ts';
import type { Service } from '../service/service.ts';
import { ClaimAnswers, type ClaimKept } from '../units/claim-answers.ts';
import { doCommands } from '../units/command.ts';
import { reportedCommands } from '../units/command-history.ts';
import { outputShown } from '../units/find-unit.ts';
import { outputJsonSchema } from '../units/output-json-schema.ts';
import { bodyOfLive, claimed } from '../units/unit-body.ts';
import { type FoundUnit, orderOf } from '../units/units.ts';
import type { Connection } from '../units/waiting-claims.ts';

const tags = ['Units'];

const UnitParam = z.object({ unitId: z.string().min(1).max(5000) });

const json = <Schema extends z.ZodType>(description: string, schema: Schema) => ({
  description,
  content: { 'application/json': { schema } },
});

const body = <Schema extends z.ZodType>(
  schema: Schema,
  examples: Readonly<Record<string, { readonly value: unknown }>> = {},
) => ({
  required: true,
  content: { 'application/json': { schema, examples } },
});

const listUnits = route(
  {
    method: 'get',
    path: `${BASE}/units`,
    operationId: 'listUnits',
    summary: 'Lists units of jobs that are not over, or of one job, in the order in which they are handed out',
    tags,
    request: {
      query: PageQuery.extend({
        owner: Owner.optional().meta({ description: 'Only units of this owner' }),
        state: z.enum(UNIT_STATES).default('ready').meta({ description: 'Only units in this state' }),
        topic: Slug.optional().meta({ description: 'Only units of jobs of this topic' }),
        job: z.string().min(1).max(200).optional().meta({ description: 'Id of a job, which may be over' }),
        task: z.string().max(2000).optional().meta({ description: 'Path of the task around the units' }),
        group: z.enum(['true', 'false']).default('false').meta({ description: 'By topic, job and task' }),
      }),
    },
    responses: { 200: json('A page, or with `group` its units in groups', z.union([pageOf(UnitBody), UnitGroups])) },
  },
  { allowed: ['viewer', 'worker'], refusals: [404] },
);

const unitStats = route(
  {
    method: 'get',
    path: `${BASE}/units/stats`,
    operationId: 'unitStats',
    summary: 'Counts units that are ready and claimed, by owner, for what scales workers',
    tags,
    request: { query: z.object({ owner: Owner.optional().meta({ description: 'Only units of this owner' }) }) },
    responses: { 200: json('The counts, and their sums', AllUnitStats) },
  },
  { allowed: ['viewer', 'worker'], refusals: [404] },
);

const claimUnits = route(
  {
    method: 'post',
    path: `${BASE}/units/claim`,
    operationId: 'claimUnits',
    summary: 'Claims ready units, and waits for one if there is none; answers once the claims are kept',
    tags,
    request: {
      headers: z.object({ 'idempotency-key': z.string().min(1).max(255).optional() }),
      body: body(ClaimBody, { cook: { value: { owners: ['cook'], worker: 'anna', max: 2, waitMs: 30_000 } } }),
    },
    responses: { 200: json('What was claimed; nothing when the wait is over', ClaimedUnits) },
  },
  { allowed: ['worker', 'operator'], refusals: [409, 422] },
);

const getUnit = route(
  {
    method: 'get',
    path: `${BASE}/units/{unitId}`,
    operationId: 'getUnit',
    summary: 'Shows a unit',
    tags,
    request: { params: UnitParam },
    responses: { 200: json('The unit, with what its output has to be like', UnitDetails) },
  },
  { allowed: ['viewer', 'worker'], refusals: [404] },
);

const claimUnit = route(
  {
    method: 'post',
    path: `${BASE}/units/{unitId}/claim`,
    operationId: 'claimUnit',
    summary: 'Claims this unit, as a person does who has picked it',
    tags,
    request: { params: UnitParam, body: body(ClaimOneBody) },
    responses: { 200: json('The unit, with the token', ClaimedUnitBody) },
  },
  { allowed: ['worker', 'operator'], refusals: [404, 409] },
);

const listCommands = route(
  {
    method: 'get',
    path: `${BASE}/units/{unitId}/commands`,
    operationId: 'listCommands',
    summary: 'Lists what happened to a unit, as commands; heartbeats are not kept',
    tags,
    request: { params: UnitParam, query: PageQuery },
    responses: { 200: json('A page', pageOf(ReportedCommand)) },
  },
  { allowed: ['viewer', 'worker'], refusals: [404] },
);

const sendCommand = route(
  {
    method: 'post',
    path: `${BASE}/units/{unitId}/commands`,
    operationId: 'sendCommand',
    summary: 'Does one command, or several in order up to the first that is refused; answers once they are kept',
    tags,
    request: {
      params: UnitParam,
      body: body(CommandsBody, { done: { value: { type: 'success', token: '…', output: { salted: true } } } }),
    },
    responses: {
      200: json('Done and kept', CommandAnswer),
      202: json('Sent to the process that runs the job', CommandAnswer),
    },
  },
  { allowed: ['worker', 'operator'], refusals: [404, 409, 413, 422] },
);

const Place = z.object({ priority: z.number(), readySince: z.number(), jobId: z.string(), path: z.string() });

export const addUnitRoutes = ({ add }: Api, service: Service): void => {
  const { units, engine, clock, journal, tokens } = service;
  const answers = new ClaimAnswers(() => clock.now());

  add(listUnits, async (context) => {
    const { limit, cursor, group, ...query } = context.req.valid('query');
    const sees = sightOf(context.get('principal'));
    if (query.owner !== undefined && !sees(query.owner)) throw notSeen(query.owner);
    const after = placeIn(query, cursor, Place);
    const { job: jobId, ...filter } = query;
    const found = await units.list({ ...filter, jobId, sees }, after, limit + 1);
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const next = found.length > limit && last ? cursorOf(query, orderOf(last)) : undefined;
    const answer = answerPage(context, page, next);
    if (group === 'false') return context.json(answer, 200);
    return context.json({ topics: grouped(page), nextCursor: answer.nextCursor }, 200);
  });

  add(unitStats, async (context) => {
    const { owner } = context.req.valid('query');
    const sees = sightOf(context.get('principal'));
    if (owner !== undefined && !sees(owner)) throw notSeen(owner);
    const sought = (one: string | undefined): boolean => sees(one) && (owner === undefined || one === owner);
    const items = units.stats(sought);
    const sum = (of: 'ready' | 'claimed'): number => items.reduce((total, item) => total + item[of], 0);
    const oldestReadyMs = Math.max(0, ...items.map((item) => item.oldestReadyMs));
    const elsewhere = await units.readyElsewhere(sought);
    const sums = { ready: sum('ready'), claimed: sum('claimed'), elsewhere, oldestReadyMs };
    return context.json({ ...sums, items: [...items] }, 200);
  });

  add(claimUnits, async (context) => {
    const principal = context.get('principal');
    const claim = context.req.valid('json');
    for (const owner of claim.owners) requireOwner(principal, owner);
    if (claim.waitMs > 0) context.set('waits', true);
    const take = async (): Promise<readonly z.infer<typeof ClaimedUnitBody>[]> => {
      const owners = [...new Set(claim.owners)];
      const client = principal.id === OPEN.id ? undefined : principal.id;
      const claimed = await units.claim({ ...claim, owners }, client, connectionOf(context));
      if (await stillMay(client)) return claimed;
      for (const { id, token } of claimed)
        await doCommands(service, await units.find(id), [{ type: 'release', token, reason: NO_TOKEN }], principal.name);
      throw unauthenticated(client === undefined ? undefined : '');
    };
    const key = context.req.valid('header')['idempotency-key'];
    if (key === undefined) return context.json({ units: [...(await take())] }, 200);
    const request = createHash('sha256').update(JSON.stringify(claim)).digest('base64url');
    const answer = await answers.once(`${principal.id} ${key}`, request, take);
    if ('units' in answer) return context.json({ units: [...answer.units] }, 200);
    context.header('idempotency-replayed', 'true');
    return context.json({ units: await claimedBefore(answer.repeated) }, 200);
  });

  add(getUnit, async (context) => {
    const { unitId } = context.req.valid('param');
    const found = await seenUnit(context, unitId);
    const outputSchema = outputJsonSchema((await definitionOf(found))?.output);
    return context.json({ ...bodyOf(found), ...(outputSchema && { outputSchema: { ...outputSchema } }) }, 200);
  });

  add(claimUnit, async (context) => {
    const { unitId } = context.req.valid('param');
    const claim = context.req.valid('json');
    requireOwner(context.get('principal'), bodyOf(await units.find(unitId)).owner);
    return context.json(await units.claimOne(unitId, claim), 200);
  });

  add(listCommands, async (context) => {
    const { unitId } = context.req.valid('param');
    const { limit, cursor } = context.req.valid('query');
    const found = await seenUnit(context, unitId);
    const unit = bodyOf(found);
    const after = placeIn(unitId, cursor, z.int()) ?? -1;
    await engine.job(unit.jobId)?.saved();
    const unwrap = await unwrapOf(found);
    const commands = await reportedCommands(journal, orderOf(unit), after, limit + 1, unwrap);
    const page = commands.slice(0, limit);
    const next = commands.length > limit ? cursorOf(unitId, page.at(-1)?.seq) : undefined;
    return context.json(answerPage(context, page, next), 200);
  });

  add(sendCommand, async (context) => {
    const { unitId } = context.req.valid('param');
    const principal = context.get('principal');
    const given = context.req.valid('json');
    const commands = Array.isArray(given) ? given : [given];
    const found = await units.find(unitId);
    requireOwner(principal, found.live ? found.live.definition.external?.owner : found.body.owner);
    if (!hasRole(principal, 'operator') && commands.some(({ token }) => token === undefined)) throw tokenNeeded();
    const { unit, sent } = await doCommands(service, found, commands, `the token ${principal.name}`);
    const seq = found.live && found.run.nextSeq - 1;
    const answer = { unit, leaseEndsAt: unit.leaseEndsAt, seq };
    return sent ? context.json(answer, 202) : context.json(answer, 200);
  });

  /** Whether a client may be answered that waited: with its token, or without one as long as there is none. */
  const stillMay = async (client: string | undefined): Promise<boolean> =>
    client === undefined ? service.settings.tokens === false || !(await tokens.any()) : tokens.isInForce(client);

  const seenUnit = async (context: Context<Env>, unitId: string): Promise<FoundUnit> => {
    const found = await units.find(unitId);
    if (!sightOf(context.get('principal'))(bodyOf(found).owner)) throw notFound('unit', 'UNIT_NOT_FOUND', unitId);
    return found;
  };

  /** Shows what was claimed, as it is now; units of removed jobs are left out. */
  const claimedBefore = async (claims: readonly ClaimKept[]): Promise<z.infer<typeof ClaimedUnitBody>[]> => {
    const found: z.infer<typeof ClaimedUnitBody>[] = [];
    for (const { id, token } of claims) {
      const unit = await units.find(id).catch(undefinedIfGone);
      if (unit) found.push(claimed(bodyOf(unit), token, unit.live));
    }
    return found;
  };

  const definitionOf = async (found: FoundUnit): Promise<TaskDefinition | undefined> =>
    found.live?.definition ?? (await units.definitionOf(found));

  const unwrapOf = async (found: FoundUnit): Promise<(output: unknown) => unknown> => {
    const definition = await definitionOf(found);
    return (output) => (definition ? outputShown(definition, output) : output);
  };
};

/** Why a unit is given back that was claimed for a client whose token ended while it waited. */
const NO_TOKEN = 'the token of the client counts no more';

const undefinedIfGone = (error: unknown): undefined => {
  if (!(error instanceof HttpProblem && error.status === 404)) throw error;
};

const bodyOf = (found: FoundUnit): UnitBody => (found.live ? bodyOfLive(found.run, found.live) : found.body);

/** Whose units somebody sees: a worker those of its owners, others all. */
const sightOf = (principal: Principal): ((owner: string | undefined) => boolean) =>
  isBoundToOwners(principal) ? (owner) => mayWorkFor(principal, owner) : () => true;

/** @throws HttpProblem `NOT_YOUR_OWNER` */
const requireOwner = (principal: Principal, owner: string | undefined): void => {
  if (mayWorkFor(principal, owner)) return;
  const whose = owner === undefined ? 'units without an owner' : `units of the owner "${owner}"`;
  throw new HttpProblem(403, 'NOT_YOUR_OWNER', `The token "${principal.name}" may not work on ${whose}.`);
};

const notSeen = (owner: string): HttpProblem =>
  new HttpProblem(404, 'UNIT_NOT_FOUND', `There are no units of the owner "${owner}" for this token.`);

const tokenNeeded = (): HttpProblem =>
  new HttpProblem(403, 'FORBIDDEN', 'A worker needs the token of its claim: give each command its token.');

/** The connection of a request: node's if it came over one, else what the caller of `fetch` says. */
const connectionOf = ({ env, req }: Context<Env>): Connection => {
  const outgoing = env?.outgoing;
  if (outgoing) {
    return {
      isClosed: () => outgoing.destroyed || outgoing.closed || outgoing.socket?.destroyed === true,
      onClose: (gone) => {
        outgoing.once('close', gone);
        return () => outgoing.off('close', gone);
      },
    };
  }
  const { signal } = req.raw;
  return {
    isClosed: () => signal.aborted,
    onClose: (gone) => {
      signal.addEventListener('abort', gone, { once: true });
      return () => signal.removeEventListener('abort', gone);
    },
  };
};

type Groups = z.infer<typeof UnitGroups>['topics'];

/** Groups the units of a page, each group where its first unit stands. */
const grouped = (units: readonly UnitBody[]): Groups => {
  const topics: Groups = [];
  for (const unit of units) {
    const topic = foundIn(
      topics,
      (one) => one.topic === unit.topic,
      () => ({ topic: unit.topic, jobs: [] }),
    );
    const job = foundIn(
      topic.jobs,
      ({ id }) => id === unit.jobId,
      () => ({ id: unit.jobId, name: unit.jobName, tasks: [] }),
    );
    const task = foundIn(
      job.tasks,
      (one) => one.task === unit.task,
      () => ({ task: unit.task, units: [] }),
    );
    task.units.push(unit);
  }
  return topics;
};

/** Returns the item for which a condition holds; adds one if there is none. */
const foundIn = <Item>(items: Item[], is: (item: Item) => boolean, create: () => Item): Item => {
  const known = items.find(is);
  if (known !== undefined) return known;
  const created = create();
  items.push(created);
  return created;
};
