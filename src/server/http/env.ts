import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Principal } from '../access/principal.ts';
import type { Session } from '../access/sessions.ts';
import type { RequestNotes } from './request-log.ts';

/** What is known of a request, for its route. */
export type Env = {
  readonly Bindings: Partial<HttpBindings> & { readonly requestId: string; readonly notes?: RequestNotes | undefined };
  readonly Variables: {
    readonly principal: Principal;
    /** Of a browser that has signed in. */
    readonly session?: Session | undefined;
    /** Text that is the same for each repetition of a request with an `Idempotency-Key`, and for no other. */
    readonly onceKey?: string | undefined;
    /** Set if the client asked to wait for its answer. */
    readonly waits?: true | undefined;
  };
};

/** Refuses a request, or lets it go on. @throws HttpProblem */
export type Check = (context: Context<Env>) => void | Promise<void>;
