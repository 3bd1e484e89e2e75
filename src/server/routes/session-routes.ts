import type { Context } from 'hono';
import type { Principal } from '../access/principal.ts';
import type { Session } from '../access/sessions.ts';
import type { Api } from '../http/app.ts';
import { unauthenticated } from '../http/authenticate.ts';
import type { Env } from '../http/env.ts';
import { BASE, route } from '../http/route.ts';
import { noSessionCookie, sessionCookie, sessionIdOf } from '../http/session-cookie.ts';
import { NewSessionBody, WhoAmIBody } from '../schemas/who.ts';
import type { Service } from '../service/service.ts';

const tags = ['Sessions'];

const whoAmI = route(
  {
    method: 'get',
    path: `${BASE}/whoami`,
    operationId: 'whoAmI',
    summary: 'What the token or the session allows',
    tags: ['Server'],
    responses: {
      200: {
        description: 'Name, roles and owners of the token',
        content: { 'application/json': { schema: WhoAmIBody } },
      },
    },
  },
  { allowed: 'known' },
);

const beginSession = route(
  {
    method: 'post',
    path: `${BASE}/session`,
    operationId: 'beginSession',
    summary: 'Signs a browser in with a token: it gets a cookie that no script can read',
    tags,
    request: { body: { required: true, content: { 'application/json': { schema: NewSessionBody } } } },
    responses: {
      201: { description: 'It is signed in', content: { 'application/json': { schema: WhoAmIBody } } },
    },
  },
  { allowed: 'everybody', refusals: [401] },
);

const endSession = route(
  {
    method: 'delete',
    path: `${BASE}/session`,
    operationId: 'endSession',
    summary: 'Signs the browser out',
    tags,
    responses: { 204: { description: 'It is signed out' } },
  },
  { allowed: 'known' },
);

export const addSessionRoutes = ({ add, app }: Api, service: Service): void => {
  const { sessions, signInCodes, tokenHolder, feed, settings } = service;
  const { basePath } = settings;

  add(whoAmI, (context) => context.json(bodyOf(context.get('principal'), context.get('session')), 200));

  add(beginSession, async (context) => {
    const { raw } = context.req;
    const { token } = context.req.valid('json');
    const holder = await tokenHolder(token, addressOf(context));
    const session = await sessions.begin(holder.id);
    // The token may have ended meanwhile.
    if (session === undefined) throw unauthenticated(token);
    context.header('set-cookie', sessionCookie(raw, basePath, session.id));
    return context.json(bodyOf(session.principal, session), 201);
  });

  add(endSession, async (context) => {
    const { raw } = context.req;
    const id = sessionIdOf(raw);
    if (id !== undefined) {
      await sessions.end(id);
      feed.endSession(id);
      context.header('set-cookie', noSessionCookie(raw, basePath));
    }
    return context.body(null, 204);
  });

  app.get('/signin', async (context) => {
    const { raw, method } = context.req;
    // What looks at links before a person does uses up none.
    const token = method === 'HEAD' ? undefined : signInCodes.use(context.req.query('code') ?? '');
    const session = token === undefined ? undefined : await sessions.begin(token);
    if (session === undefined) return context.html(USED_UP, 401);
    context.header('set-cookie', sessionCookie(raw, basePath, session.id));
    return context.redirect(`${basePath}/`, 303);
  });
};

const addressOf = ({ env }: Context<Env>): string | undefined => env?.incoming?.socket?.remoteAddress;

const bodyOf = ({ id, name, roles, owners }: Principal, session: Session | undefined) => ({
  id,
  name,
  roles: [...roles],
  owners: owners && [...owners],
  session: session && { endsAt: session.endsAt },
});

const USED_UP = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>tintype</title><link rel="icon" href="data:,"></head>
<body><h1>This link signs nobody in any more</h1>
<p>It works once, within a minute. Start <code>tintype serve --open</code> again for a new one, or sign in with a token.</p></body>
</html>
`;
