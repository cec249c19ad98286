import type { ViewName } from "@outrider/contracts/documents";
import { projectorCommands, streamOf } from "@outrider/contracts/projector";
import { type CommandHandler, handle, Refusal } from "@outrider/platform";
import { type AnyGroup, groups } from "./groups.ts";
import type { ProjectorHost } from "./host.ts";
import { standingOf } from "./standing.ts";
import { verify } from "./verify.ts";
import type { ProjectedView } from "./view.ts";

const found = (name: ViewName): { readonly group: AnyGroup; readonly view: ProjectedView<unknown> } => {
  for (const group of groups) {
    const view = group.views.find((each) => each.name === name);
    if (view !== undefined) return { group, view };
  }
  throw new Refusal("not-found", `there is no view ${name}`);
};

/** What operators ask of the projector. */
export const commands = (host: ProjectorHost): readonly CommandHandler[] => {
  const aliasesOf = async (group: AnyGroup) => {
    const { seq, ...standing } = await standingOf(host, group);
    return { seq: seq ?? 0, ...standing, aliases: await host.aliases.load(group.views, seq === undefined) };
  };
  return [
    handle(projectorCommands.rebuild, async ({ view: name }) => {
      const { group, view } = found(name);
      const { ours, stuck = "" } = await aliasesOf(group);
      if (!ours) throw new Refusal("conflict", stuck); // nobody reads that stream, so nobody would build
      const { collection, build } = await host.aliases.want(view);
      return { view: name, collection, build };
    }),
    handle(projectorCommands.views, async () => {
      const all = await Promise.all(
        groups.map(async (group) => {
          const { aliases, ours: _ours, ...standing } = await aliasesOf(group);
          return [...aliases.values()].map(({ _id: view, collection, build, version, building, degraded }) => ({
            ...{ view, stream: streamOf[view], collection, build, version, ...standing },
            ...(building === undefined ? {} : { building: building.collection }),
            ...(degraded === undefined ? {} : { degraded: { seq: degraded.seq, reason: degraded.reason } }),
          }));
        }),
      );
      return { views: all.flat() };
    }),
    handle(projectorCommands.verify, async ({ view: name }, { deadline }) => {
      const { group, view } = found(name);
      const { seq, aliases, ours, stuck = "" } = await aliasesOf(group);
      if (!ours) throw new Refusal("conflict", stuck);
      const collection = aliases.get(name)?.collection ?? name;
      return { view: name, ...(await verify(host, group, view, { collection, seq }, deadline)) };
    }),
  ];
};
