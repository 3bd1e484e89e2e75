import { z } from '@hono/zod-openapi';
import type { Token } from '../access/tokens.ts';
import type { Api } from '../http/app.ts';
import { notFound } from '../http/problem.ts';
import { BASE, route } from '../http/route.ts';
import { CreatedTokenBody, NewTokenBody, TokenBody } from '../schemas/token.ts';
import type { Service } from '../service/service.ts';

const tags = ['Tokens'];

const listTokens = route(
  {
    method: 'get',
    path: `${BASE}/tokens`,
    operationId: 'listTokens',
    summary: 'Lists the tokens, without their secrets',
    tags,
    responses: {
      200: {
        description: 'All tokens',
        content: { 'application/json': { schema: z.object({ items: z.array(TokenBody) }) } },
      },
    },
  },
  { allowed: ['admin'] },
);

const WORKER = { name: 'kitchen screen', roles: ['worker'], owners: ['cook'] };

const createToken = route(
  {
    method: 'post',
    path: `${BASE}/tokens`,
    operationId: 'createToken',
    summary: 'Makes a token',
    tags,
    request: {
      body: {
        required: true,
        content: { 'application/json': { schema: NewTokenBody, examples: { worker: { value: WORKER } } } },
      },
    },
    responses: {
      201: { description: 'The token, with its secret', content: { 'application/json': { schema: CreatedTokenBody } } },
    },
  },
  { allowed: ['admin'] },
);

const deleteToken = route(
  {
    method: 'delete',
    path: `${BASE}/tokens/{tokenId}`,
    operationId: 'deleteToken',
    summary: 'Revokes a token, from the next request on',
    tags,
    request: { params: z.object({ tokenId: z.string() }) },
    responses: { 204: { description: 'It is revoked' } },
  },
  { allowed: ['admin'], refusals: [404] },
);

export const addTokenRoutes = ({ add }: Api, { tokens }: Service): void => {
  add(listTokens, async (context) => context.json({ items: (await tokens.list()).map(bodyOf) }, 200));

  add(createToken, async (context) => {
    const { token, secret } = await tokens.create(context.req.valid('json'));
    return context.json({ ...bodyOf(token), secret }, 201);
  });

  add(deleteToken, async (context) => {
    const { tokenId } = context.req.valid('param');
    if (!(await tokens.revoke(tokenId))) throw notFound('token', 'TOKEN_NOT_FOUND', tokenId);
    return context.body(null, 204);
  });
};

const bodyOf = ({ roles, owners, ...token }: Token): z.infer<typeof TokenBody> => ({
  ...token,
  roles: [...roles],
  owners: owners && [...owners],
});
