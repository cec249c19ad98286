import type { AccountEvent, ErasureEvent, PersonEvent } from "@outrider/contracts/registry";
import type { Aggregate } from "@outrider/eventing";
import type { Account, AccountCommand, AccountRefusal } from "./account.ts";
import type { Announcement, AnnouncementCommand } from "./announcement.ts";
import type { Person, PersonCommand, PersonRefusal } from "./person.ts";

export type Accounts = Aggregate<Account, AccountCommand, AccountEvent, AccountRefusal>;
export type Persons = Aggregate<Person, PersonCommand, PersonEvent, PersonRefusal>;
export type Announcements = Aggregate<Announcement, AnnouncementCommand, ErasureEvent, never>;
