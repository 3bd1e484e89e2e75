import { createMachine, type setup as setupOfXState } from 'xstate';

/** XState's `setup` for machines with actions and guards. It does not return creators of actions, which bundles would hold. */
export const setup = (({ actions, guards }: { readonly actions?: object; readonly guards?: object }) => ({
  createMachine: (config: Parameters<typeof createMachine>[0]) =>
    createMachine(config).provide({ actions, guards } as never),
})) as unknown as typeof setupOfXState;
