import { type FormEvent, useState } from 'react';
import { request } from '../api/request.ts';

/** Asks for a token, which the server turns into a session of this browser; the token itself is kept nowhere. */
export const SignIn = ({ onSignedIn }: { readonly onSignedIn: () => void }) => {
  const [token, setToken] = useState('');
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const signIn = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await request('/session', { method: 'POST', body: { token: token.trim() } });
      onSignedIn();
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <form onSubmit={signIn}>
        <h1>Sign in</h1>
        <label htmlFor="token">Token</label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          value={token}
          aria-invalid={error !== undefined}
          aria-describedby="token-help"
          onChange={(event) => setToken(event.target.value)}
        />
        <p id="token-help" className="dim">
          <code>tintype token create --role operator</code> makes one; <code>tintype serve --open</code> signs in
          without.
        </p>
        {error === undefined ? null : (
          <p role="alert" className="bad">
            {error}
          </p>
        )}
        <button type="submit" className="primary" disabled={busy || token.trim() === ''}>
          Sign in
        </button>
      </form>
    </main>
  );
};
