import { describe } from "vitest";
import { memoryStore } from "./memory-store.ts";
import { storeContract } from "./testing-store-contract.ts";

let subjects = 0;
describe("the store in memory", () =>
  storeContract(
    async () => memoryStore(),
    () => `t.${++subjects}`,
  ));
