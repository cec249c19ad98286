import { personId } from "@outrider/contracts/ids";
import { scenario } from "@outrider/eventing/testing";
import { test } from "vitest";
import { announcement } from "./announcement.ts";

const person = personId.parse("ada");
const announced = { type: "ErasureAnnounced", data: { person } } as const;
const announce = { type: "Announce", person } as const;
const { given } = scenario(announcement);

test("an erasure is announced", () => given().when(announce).then(announced));
test("once, however often it is said", () => given(announced).when(announce).thenNothing());
