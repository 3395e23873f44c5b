import { type ExchangeLimits, exchange, type HttpResponse } from "./exchange.ts";
import type { Transport } from "./transport.ts";

/**
 * Makes a function that posts a form (application/x-www-form-urlencoded) once to an absolute address. It resolves with
 * any status and rejects as `exchange` does.
 */
export function createFormPoster(
  transport: Transport,
  limits: ExchangeLimits,
): (url: string, form: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<HttpResponse> {
  return (url, form, signal) =>
    exchange(
      {
        url: new URL(url),
        method: "POST",
        headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(form).toString(),
      },
      transport,
      limits,
      signal,
    );
}
