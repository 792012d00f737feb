import { useState } from 'preact/hooks';
import type { z } from 'zod';
import type { explanationView } from '../control/admin/admin-views.js';
import { askApi } from './api.js';
import { pastedRequest } from './pasted-request.js';
import { OUTCOME_WORDS, WHY_WORDS } from './wording.js';

type Explained = z.infer<typeof explanationView>;

/** Where does this user go, and why? */
export function QuestionPanel() {
  const [text, setText] = useState('');
  const [answer, setAnswer] = useState<Explained>();
  const [problem, setProblem] = useState<string>();

  const submit = async (): Promise<void> => {
    setAnswer(undefined);
    const asked = pastedRequest(text);
    if ('problem' in asked) return setProblem(asked.problem);
    setProblem(undefined);
    try {
      setAnswer(await askApi<Explained>('/explain', asked));
    } catch (error) {
      setProblem((error as Error).message);
    }
  };

  return (
    <section aria-labelledby="question-title">
      <h2 id="question-title">Where does a user go?</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <label for="question">Paste a cookie, a header, a URL, or several of them, a line each</label>
        <textarea
          id="question"
          rows={3}
          spellcheck={false}
          autocomplete="off"
          placeholder={'/cart\nx-user-id: 4711'}
          value={text}
          aria-describedby="question-note"
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
            event.preventDefault();
            void submit();
          }}
        />
        <div class="tools">
          <button type="submit">Ask</button>
          <small id="question-note">Nothing of it is logged or sent to an upstream.</small>
        </div>
      </form>
      <div aria-live="polite">
        {problem !== undefined && <p class="problem">{problem}</p>}
        {answer !== undefined && <Answer answer={answer} />}
      </div>
    </section>
  );
}

function Answer({ answer }: { readonly answer: Explained }) {
  const { upstream, pool, route, outcome, rule, why, rules, balance, next, cookies, request } = answer;
  const place = answer as Explained & { answer?: { status: number; location?: string } };
  return (
    <div class="answer">
      <p>
        {route === undefined ? (
          <strong>No route answers for this request.</strong>
        ) : place.answer !== undefined ? (
          <strong>
            The gateway answers {place.answer.status} by itself
            {place.answer.location !== undefined && `, to ${place.answer.location}`}.
          </strong>
        ) : upstream === undefined ? (
          <strong>It is refused.</strong>
        ) : (
          <>
            It goes to <strong>{upstream.id}</strong> <small>{upstream.url}</small>
          </>
        )}
      </p>
      {outcome !== undefined && (
        <p>
          <b>{outcome}</b>: {OUTCOME_WORDS[outcome] ?? outcome}
          {why !== undefined && `, because ${WHY_WORDS[why] ?? why}`}.
        </p>
      )}
      <dl>
        <dt>request</dt>
        <dd>
          {request.method} {request.host}
          {request.target}
          {request.client !== '' && ` from ${request.client}`}
        </dd>
        {route !== undefined && (
          <>
            <dt>route</dt>
            <dd>
              {route.name}
              {pool !== undefined && `, to pool ${pool}`}
            </dd>
          </>
        )}
        <dt>decided by</dt>
        <dd>
          {rule !== undefined
            ? `${rule.name} ${rule.subject}`
            : balance !== undefined
              ? `balance ${balance}`
              : 'nobody'}
        </dd>
        {rules.map(({ name, subject, found, upstream: named }) => (
          <>
            <dt>
              {name} {subject}
            </dt>
            <dd>
              {found}
              {named !== undefined && `, of ${named}`}
            </dd>
          </>
        ))}
        {next.length > 0 && (
          <>
            <dt>then</dt>
            <dd>
              {next.slice(0, 5).join(', ')}
              {next.length > 5 && ` and ${next.length - 5} more`}
            </dd>
          </>
        )}
        {cookies.length > 0 && (
          <>
            <dt>sets cookies</dt>
            <dd>{cookies.join(', ')}</dd>
          </>
        )}
      </dl>
    </div>
  );
}
