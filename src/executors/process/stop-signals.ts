/** The signals that may ask a command to end. */
export const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

export type StopSignal = (typeof STOP_SIGNALS)[number];
