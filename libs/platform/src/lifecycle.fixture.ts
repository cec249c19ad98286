import { defineConfig, loadConfig } from "./config.ts";
import { openService } from "./service.ts";

// A service as `main.ts` would wire it, for the tests to start, stop and kill. `FIXTURE` says in which way it misbehaves.
const config = loadConfig(defineConfig("scheduler", {}), process.env);
await using service = await openService(config);
const how = process.env["FIXTURE"] ?? "";

service.onStop("the last thing", () => service.log.info({}, "closed the first that was opened"));
service.onStop("work at hand", () =>
  how === "hangs" ? new Promise(() => undefined) : service.log.info({}, "closed the last that was opened"),
);
if (how === "throws") setTimeout(() => JSON.parse("+33639980001"), 20);
if (how === "rejects") setTimeout(() => void Promise.reject(new Error("nobody caught +33639980001")), 20);
if (how === "starts for ever") await new Promise(() => setInterval(() => undefined, 1_000));
setInterval(() => undefined, 1_000); // somebody's timer that nobody cleared
await service.untilStopped();
