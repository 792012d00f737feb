import { useState } from 'preact/hooks';
import { setToken } from './api.js';

/** Asks for the token, once a tab. */
export function SignIn({ why, enter }: { readonly why: string | undefined; readonly enter: () => void }) {
  const [token, setText] = useState('');
  return (
    <main class="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() === '') return;
          setToken(token.trim());
          enter();
        }}
      >
        <h1>stickyroute</h1>
        <p>
          This gateway wants a token: admin.token of its configuration. This tab keeps it until it is closed.
        </p>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={token}
          aria-describedby={why === undefined ? undefined : 'token-problem'}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        {why !== undefined && (
          <p class="problem" id="token-problem" role="alert">
            {why}
          </p>
        )}
        <button type="submit" class="chief">
          Look
        </button>
      </form>
    </main>
  );
}
