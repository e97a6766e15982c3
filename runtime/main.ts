// A site at work: opens the journal, rebuilds the board, opens the doors. The one file that knows all others.
import { join } from "node:path";
import { actors } from "../actors/index.ts";
import type { Actor } from "./actor.ts";
import { type Applied, Applier, type Holds } from "./apply.ts";
import { type BoardRecord, keyOf } from "./board/board.ts";
import { type Change, type Changed, changeDraft } from "./board/change.ts";
import type { Bus } from "./bus/bus.ts";
import { MemoryBus } from "./bus/memory.ts";
import { NatsBus } from "./bus/nats.ts";
import { keepingFrailty } from "./bus/nats-keeper.ts";
import { subjectBase } from "./bus/subject.ts";
import { within } from "./bus/within.ts";
import { BusDoor } from "./bus-door.ts";
import { boardBasis } from "./checkpoint/basis.ts";
import { BoardState } from "./checkpoint/board-state.ts";
import { Checkpoints } from "./checkpoint/checkpoints.ts";
import { DedupeState } from "./checkpoint/dedupe-state.ts";
import { behind } from "./checkpoint/hearing.ts";
import { openCheckpointStore, type StoreOptions } from "./checkpoint/open.ts";
import { awake, type Clock, systemClock } from "./clock.ts";
import { type LoadedPlan, loadSpecs, type OpenedSite } from "./config.ts";
import type { CustomerSource } from "./data/source.ts";
import { explainer } from "./decide/coupon-model.ts";
import type { Decision } from "./decide/decision.ts";
import { DecisionLog } from "./decide/log.ts";
import { isDecision, OfferBook, readDecision } from "./decide/offers.ts";
import type { Scorer } from "./decide/scorer.ts";
import { predictions, type Wire } from "./decide/wire.ts";
import { Dedupe, printOf } from "./dedupe.ts";
import { AisleError } from "./errors.ts";
import { ACTIONS, type EventReader } from "./events.ts";
import { accessOf, createApp } from "./http/app.ts";
import { Bodies } from "./http/body.ts";
import { holding } from "./http/hold.ts";
import type { Health, Ingest, PlanReload, Ports } from "./http/ports.ts";
import { rawEvents } from "./http/raw-events.ts";
import type { Listening, RawHandler, Where } from "./http/server.ts";
import { HubDoor } from "./hub/door.ts";
import { printIn } from "./hub/ids.ts";
import { HubLink } from "./hub/link.ts";
import { EventIngest, type PendingIds, type Refused } from "./ingest.ts";
import { acceptAt } from "./intake/answers.ts";
import { hearsHash } from "./intake/hears.ts";
import { Intake } from "./intake/intake.ts";
import { Patience } from "./intake/patience.ts";
import { Block } from "./journal/block.ts";
import { ClockWatch } from "./journal/clock-watch.ts";
import type { Draft, Entry } from "./journal/journal.ts";
import { isExcerpt } from "./journal/meta.ts";
import type { StoreJournal } from "./journal/store-journal.ts";
import { BlockWalk } from "./journal/walk.ts";
import { Keeping } from "./keeping.ts";
import { replayable } from "./letters.ts";
import { limits } from "./limits.ts";
import { transformReadings } from "./live/readings.ts";
import { SiteTransforms } from "./live/transforms.ts";
import { type Loaded, load, newReader, scorerOf, sourceOf } from "./loaded.ts";
import type { Log } from "./log.ts";
import { type Machine, natsOptionsOf, thisMachine } from "./machine.ts";
import { RuntimeMetrics } from "./metrics.ts";
import { restsOn, type StreamKeeper } from "./outbox/keepers.ts";
import { Outbox } from "./outbox/outbox.ts";
import { withheldHeader } from "./outbox/owed.ts";
import { Telemetry } from "./outbox/telemetry.ts";
import type { Pace } from "./pacer.ts";
import { differenceOf } from "./plan/difference.ts";
import { type Measured, placeReadings } from "./readings.ts";
import { Runner, type WorkPorts } from "./runner.ts";
import type { RemoteRuns } from "./runs/remote-runs.ts";
import { openWebhook, type Webhook } from "./runs/webhook.ts";
import { scoringOf } from "./scoring.ts";
import type { Plan, PlannedActor, Site } from "./site.ts";
import { claimsOf } from "./site-claims.ts";
import { openDeadLetters, type StoredDeadLetters } from "./store/deadletters.ts";
import { makeFolders } from "./store/folders.ts";
import { IdentityStore } from "./store/identities.ts";
import type { Store } from "./store/store.ts";
import { Streams } from "./streams.ts";
import { type Workers, workersOf } from "./workers.ts";
import { SiteLayers, Workshop } from "./workshop.ts";

const UTF8 = new TextEncoder();

/** Every actor that a plan may name, of whatever input and output. */
export const allActors = actors as unknown as readonly Actor<unknown, unknown, unknown>[];

/** A board with nothing on it, for the site's plan. */
export function newApplier(
  { site, world }: Loaded,
  holds: Holds = new SiteLayers(site.plan.actors),
  { reader = newReader(site), plan = site.plan }: { readonly reader?: EventReader; readonly plan?: Plan } = {},
): Applier {
  return new Applier({ plan, actors: allActors, reader, world, holds });
}

/** What the actors of a site work with, live and in a replay. */
export function workOf(loaded: Loaded, epoch: string, scorer: Scorer): WorkPorts {
  const { site, catalog, world, versions } = loaded;
  const explain = explainer(site.scorer.features, catalog);
  return { plan: site.plan, actors: allActors, world, scorer, explain, place: site.place, epoch, versions };
}

/** Why a site can't be at work on a folder of `aisle replay --into`; null: it can. */
export function excerptLacks({ hub, bus }: Site, dir: string): string | null {
  const settings = [
    ...(hub.base === null ? [] : ["hub.place"]),
    ...(hub.accept ? ["hub.accept"] : []),
    ...(bus.streams.length === 0 ? [] : ["bus.streams"]),
  ];
  if (settings.length === 0) return null;
  const names = settings.map((name) => `'${name}'`).join(" and ");
  return `a site with ${names} can't be at work on '${dir}': 'aisle replay --into' made it, without how far the hub, devices and streams had come, and events would come twice. 'aisle backup' and 'aisle restore' make a folder that goes on in place of the first`;
}

export interface StartOptions extends OpenedSite {
  readonly dataDir: string;
  readonly log: Log;
  readonly version: string;
  readonly clock?: Clock;
  /** What is left out is this machine's. */
  readonly machine?: Partial<Machine>;
  /** Starts of actors that the site brings: all at once, or one by one. */
  readonly pace?: Pace;
  /** With what the plan is read again while the place runs; without it, it is not. */
  readonly rereadPlan?: () => LoadedPlan;
  /** What commands get of the environment; default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What is left out is not started. */
  readonly admits?: (actor: PlannedActor, record: BoardRecord) => boolean;
  /** Told of every entry that the board hears and every decision on disk, live; `now` is monotonic, ms. */
  readonly teller?: Tell;
}

export interface Tell {
  applied(entry: Entry, applied: Applied, now: number): void;
  decided(decision: Decision, now: number): void;
  /** A change of the board is on disk. */
  boarded?(entry: Entry, change: Change, changed: Changed | null): void;
}

/** Starts a site; resolves when it is ready. */
export async function start(options: StartOptions): Promise<Place> {
  const place = new Place(options);
  try {
    await place.open();
    return place;
  } catch (error) {
    await place.stop();
    throw error;
  }
}

/** One installation of a site, running. */
export class Place {
  readonly site: Site;
  readonly loaded: Loaded;
  readonly journal: StoreJournal;
  readonly letters: StoredDeadLetters;
  readonly ingest: EventIngest;
  readonly intake: Intake;
  readonly offers: OfferBook;
  readonly metrics: RuntimeMetrics;
  readonly bus: Bus;
  /** `<prefix>.<site>.<place>` of the bus's subjects. */
  readonly base: string;
  readonly runner: Runner;
  readonly transforms: SiteTransforms;
  readonly workers: Workers;
  readonly workshop: Workshop;
  readonly streams: Streams;
  readonly outbox: Outbox;
  readonly #checkpointStore: Store;
  readonly checkpoints: Checkpoints;
  readonly telemetry: Telemetry;
  /** Takes over what this place journals; null: there is none. */
  readonly hub: HubLink | null;
  /** What this place takes over of others; null: nothing. */
  readonly #hubDoor: HubDoor | null;
  readonly #options: StartOptions;
  readonly #machine: Machine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #dedupe: Dedupe;
  /** Ids on their way to the disk. */
  readonly #pendingIds: PendingIds = new Map();
  readonly #reader: EventReader;
  readonly #applier: Applier;
  readonly #layers: SiteLayers;
  readonly #decisions: DecisionLog;
  readonly #source: CustomerSource;
  readonly #scorer: Scorer;
  readonly #identities: IdentityStore;
  readonly #servers: Listening[] = [];
  #plan: Plan;
  #webhook: Webhook | null = null;
  /** What services that accepted a run bring. */
  #runs: RemoteRuns | null = null;
  #door: BusDoor | null = null;
  readonly keeping: Keeping;
  readonly #clockWatch: ClockWatch;
  readonly #patience: Patience;
  #stopped: Promise<void> | null = null;
  #ready = false;
  /** The board, as a checkpoint has it; and what the journal's last `config` entry says. */
  readonly #board: BoardState;
  /** Entries that were replayed at the start. */
  #replayed = 0;
  #foldLetters: ReadonlySet<string> | null = null;

  constructor(options: StartOptions) {
    const { site, dataDir, log, clock = systemClock } = options;
    this.#options = options;
    this.#machine = { ...thisMachine, ...options.machine };
    this.site = site;
    this.#clock = clock;
    this.#log = log;
    this.loaded = load(options);
    makeFolder(dataDir);
    this.journal = this.#machine.openJournal({ dir: dataDir, clock, random: this.#machine.random });
    // Before there is a line to anybody: what is refused here ends the process.
    this.#checkpointStore = this.#openCheckpointStore();
    this.letters = openDeadLetters({ store: this.journal.store, clock });
    // A message of a stream that can't be used counts as consumed: by then it has to be kept here.
    this.journal.ahead(() => this.letters.secure());
    this.#dedupe = new Dedupe(site.events.dedupeIds);
    this.#clockWatch = new ClockWatch({ journal: this.journal, clock, warn: (sentence) => log.warn(sentence) });
    this.#plan = site.plan;
    this.#layers = new SiteLayers(site.plan.actors);
    this.#reader = newReader(site);
    this.#applier = newApplier(this.loaded, this.#layers, { reader: this.#reader });
    this.#source = sourceOf(this.loaded, this.#machine.fetch);
    this.#scorer = scorerOf(this.loaded, clock, this.#machine.fetch);
    this.base = subjectBase({ prefix: site.bus.prefix, site: site.name, place: site.place });
    const onError = (error: unknown) => log.warn({ detail: (error as Error).message }, "trouble on the bus");
    this.bus = this.#machine.openBus(site, clock, onError);
    this.bus.onState((state) => {
      if (state === "away")
        log.warn("the bus is away: decisions are made, journalled and served over HTTP, and published when it is back");
      else if (state === "here") log.info("the bus is here");
    });
    this.telemetry = new Telemetry({ bus: this.bus, clock });
    this.outbox = this.#newOutbox();
    this.hub = this.#newHub();
    this.#hubDoor = site.hub.accept ? this.#newHubDoor() : null;
    this.offers = new OfferBook(clock, this.journal, this.loaded.publish);
    this.#identities = new IdentityStore(join(dataDir, "identities"));
    this.transforms = this.#newTransforms();
    this.#board = this.#boardState(this.#applier, this.#layers, this.offers);
    this.checkpoints = this.#newCheckpoints();
    // Before anybody asks for it.
    if (this.checkpoints.isAhead) this.journal.renewEpoch();
    this.#patience = new Patience(this.journal);
    this.keeping = new Keeping({
      ...{ site, clock, dir: dataDir, journal: this.journal, letters: this.letters, board: this.#applier.board },
      ...{ checkpoints: this.checkpoints, outbox: this.outbox, hub: this.hub },
      fault: (what, error) => this.#fault(what, error),
    });
    this.workers = this.#newWorkers();
    this.workshop = this.#newWorkshop();
    this.streams = this.#newStreams();
    const labelled = [
      ...transformReadings(this.transforms, clock),
      ...this.workshop.readings(),
      ...this.streams.readings(),
    ];
    this.metrics = new RuntimeMetrics(placeReadings(this.#measured()), labelled, this.#machine.isMeasured);
    this.runner = this.#newRunner();
    this.ingest = this.#newIngest();
    this.intake = this.#newIntake();
    this.journal.onFull(() => this.intake.release());
    this.#decisions = new DecisionLog({
      journal: this.journal,
      epoch: this.journal.epoch,
      publish: this.loaded.publish,
      settled: (cause) => this.runner.settled(cause),
    });
  }

  /** Where the HTTP faces answer. */
  get url(): string {
    return this.#servers[0]!.url;
  }

  /**
   * Rebuilds the board and answers in this process only: no door is opened, and actors that the site brings start
   * nothing. For tools, when nobody owns the folder.
   */
  async attach(): Promise<ReturnType<typeof createApp>> {
    if (this.bus instanceof NatsBus)
      await awake(this.bus.whenHere()).catch((error: Error) =>
        this.#log.warn({ detail: error.message }, "the bus is away"),
      );
    this.#rebuild();
    this.#begin(false);
    this.#ready = true;
    return createApp(this.#ports(), { ...this.#faces(), socket: true });
  }

  /** @param http  whether the faces over HTTP answer too, beside the control socket */
  open(http = true): Promise<void> {
    return awake(this.#open(http));
  }

  async #open(http: boolean): Promise<void> {
    const lacks = isExcerpt(this.journal.store) ? excerptLacks(this.site, this.#options.dataDir) : null;
    if (lacks !== null) throw new AisleError("conflict", lacks);
    await this.workers.endOrphans();
    await this.workers.load(this.#plan);
    this.#rebuild();
    await this.workshop.openClaims();
    this.#begin(true);
    this.#runs = this.workshop.openRuns();
    this.#webhook = this.#openWebhook();
    this.workshop.watchDeadlines();
    this.#hubDoor?.open();
    this.#door = this.#openDoor();
    this.streams.start();
    const { host, port } = this.site.http;
    if (http) this.#servers.push(await this.#serve({ host, port }));
    this.#servers.push(await this.#serve({ socketPath: join(this.#options.dataDir, "control.sock") }));
    this.keeping.begin();
    this.#ready = true;
    this.checkpoints.begin();
    const replay = { entries: this.journal.lastSeq, from: this.checkpoints.fromSeq, replayed: this.#replayed };
    this.#log.info({ ...(http ? { url: this.url } : {}), ...replay }, "ready");
  }

  /** Takes nothing more in, commits and decides what was accepted, closes. Twice is once. */
  stop(): Promise<void> {
    this.#stopped ??= awake(this.#stop());
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    if (this.#ready) this.#log.info("stopping: no more is taken in");
    this.#ready = false;
    this.keeping.end();
    this.#clockWatch.end();
    await this.#door?.drain();
    this.#hubDoor?.close();
    await this.streams.stop();
    this.#runs?.close();
    await Promise.all(this.#servers.map((server) => server.close()));
    await within(this.#clock, limits.drainMs, this.intake.drain());
    // What waits for its turn would keep it from draining.
    this.runner.scheduler.pause(({ kind }) => kind !== "shipped");
    this.workshop.rest();
    await this.runner.drain(limits.drainMs);
    await this.workshop.close();
    await this.#webhook?.close();
    await this.checkpoints.close();
    this.transforms.close();
    await this.hub?.close();
    await this.outbox.close();
    await this.#door?.close();
    this.telemetry.flush();
    await this.bus.drain();
    await this.letters.close();
    await this.journal.close();
    // After the journal: its last commits tell of the board, too.
    this.#closeTelemetry();
    await this.#identities.close();
    this.#log.info("stopped");
  }

  /** Nobody hears of it any more: whoever starts the place again reads of it here. */
  #closeTelemetry(): void {
    const messages = this.telemetry.close();
    if (messages === 0) return;
    const what = messages === 1 ? "1 board message was" : `${messages} board messages were`;
    this.#log.warn(
      { messages },
      `${what} not published: the bus did not take them before the stop; the board says it all`,
    );
  }

  /** Board, transforms, dedupe and standing offers as the journal has them. */
  #rebuild(): void {
    const { checkpoints } = this;
    // First of all who hear of a commit: decisions leave directly after it.
    this.outbox.open();
    this.hub?.open(this.journal.formerEpoch);
    checkpoints.load();
    const [board, ids] = ["board", "dedupe"].map((part) => checkpoints.loadedSeq(part)) as [number, number];
    const specs = checkpoints.meta?.seq ?? 0;
    if (checkpoints.meta !== null) this.transforms.resume(specs);
    const { configured } = this.#board;
    this.runner.rebuild(
      (part) => {
        this.#replayed += part instanceof Block ? part.count : 1;
        if ((part instanceof Block ? part.lastSeq : part.seq) > ids) this.#rememberAny(part);
        if (!(part instanceof Block) && part.seq > board) this.#recall(part);
        const rest = behind(part, specs);
        if (rest !== null) this.transforms.recover(rest);
      },
      { fromSeq: checkpoints.fromSeq, configured },
    );
    this.workshop.serve(this.runner.scheduler);
    this.journal.onCommit((_, { lastSeq }) => this.workshop.committedRows(lastSeq));
  }

  /** What was left undone is done. */
  #begin(works: boolean): void {
    this.#clockWatch.begin();
    // Tools that look at the folder send nothing: whoever works with it next does.
    if (works) {
      this.outbox.begin();
      this.hub?.begin();
    }
    this.runner.begin(works);
    this.#addRecords();
    // After the runner: decisions go out before anything is folded.
    this.transforms.begin();
    const draft = this.#configDraft(this.site.hashes.transforms);
    if (this.#board.configured === text(draft.payload)) return;
    this.journal.append([draft]).catch((error) => this.#fault("the configuration can't be journalled", error));
  }

  /**
   * Takes the plan's file as it is now. What runs, runs on; what the plan has no more rests.
   *
   * @throws SiteError with every mistake, AisleError `conflict` for what only a restart can change; then nothing changes
   */
  async reloadPlan(): Promise<PlanReload> {
    const { rereadPlan } = this.#options;
    if (rereadPlan === undefined) throw new AisleError("unavailable", "this place can't read its plan again");
    const { plan, hash } = rereadPlan();
    const before = this.#plan;
    const resting = [...this.#applier.board.pages].map(({ config }) => config);
    const difference = differenceOf(before, plan, resting);
    if (hash === this.loaded.versions.plan) return { ...difference, hash, seq: null };
    await this.workers.load(plan);
    this.#plan = plan;
    this.loaded.versions.plan = hash;
    this.#applier.adopt(plan);
    this.workshop.adopt(plan);
    this.checkpoints.replan();
    this.#addRecords();
    const { firstSeq } = await this.journal.append([this.#configDraft(this.site.hashes.transforms)]);
    this.#log.info({ ...difference, hash, seq: firstSeq }, "the plan was read again");
    return { ...difference, hash, seq: firstSeq };
  }

  /** Records that the plan says are there from the start. */
  #addRecords(): void {
    const { board } = this.#applier;
    const drafts = this.#plan.pages.flatMap(({ name, records }) =>
      records
        .map(keyOf)
        .filter((key) => board.page(name).find(key) === undefined)
        .map((key) => changeDraft({ do: "set", page: name, key, cells: {} }, "plan")),
    );
    if (drafts.length > 0)
      this.journal.append(drafts).catch((error) => this.#fault("the plan's records can't be journalled", error));
  }

  /** @param transforms  hash of the specs in force; a site that has none says nothing of them */
  #configDraft(transforms: string | null): Draft {
    const hears = this.#hears;
    const inForce = { ...this.loaded.versions, ...(transforms === null ? {} : { transforms }), hears };
    const payload = UTF8.encode(JSON.stringify(inForce));
    return { kind: "config", principal: "runtime", subject: "site", headers: {}, payload };
  }

  /** What an entry leaves beside the board. */
  #recall(entry: Entry): void {
    if (entry.kind === "config") this.#board.configured = text(entry.payload);
    if (isDecision(entry)) this.offers.add(entry.seq, readDecision(entry.payload));
  }

  #rememberAny(part: Entry | Block): void {
    if (part instanceof Block) this.#rememberAll(part);
    else if (part.kind !== "decision") this.#remember(part);
  }

  #remember(entry: Entry): void {
    const { headers, payload, receivedAt } = entry;
    if (headers.id === undefined) return;
    // Of an entry that came from another place the id is that place's.
    const print = headers.origin === undefined ? printOf(headers.source ?? "", headers.id, payload) : printIn(entry);
    if (print !== null) this.#dedupe.add(print, receivedAt);
  }

  /** The ids in a block: nothing there names a source. */
  #rememberAll(block: Block): void {
    const walk = new BlockWalk(block);
    while (walk.next()) {
      const { id } = walk;
      if (id !== null) this.#dedupe.add(printOf("", id.toString(), walk.payload), walk.receivedAt);
    }
  }

  #newRunner(): Runner {
    return new Runner({
      ...workOf(this.loaded, this.journal.epoch, this.#scorer),
      journal: this.journal,
      clock: this.#clock,
      applier: this.#applier,
      hears: this.#hears,
      source: this.#source,
      refuse: (refused) => this.letters.add(refused),
      headersOf: (decision) => withheldHeader((port) => this.#isBlocked(port, decision)),
      decided: (entry, decision) => this.#decided(entry, decision),
      work: this.workshop.worker,
      gate: this.workshop.gate,
      rank: (actor, record) => this.workshop.rank(actor, record),
      ...(this.#options.admits === undefined ? {} : { admits: this.#options.admits }),
      blocked: (rule) => this.workshop.blocked(rule),
      boarded: (entry, change, changed) => this.#boarded(entry, change, changed),
      applied: (entry, applied) => this.#applied(entry, applied),
      pause: this.#machine.pause,
      fault: (what, error) => this.#fault(what, error),
    });
  }

  #applied(entry: Entry, applied: Applied): void {
    this.#options.teller?.applied(entry, applied, this.#clock.monotonic());
    if (applied.change !== null) this.workshop.applied(applied.change, applied.changed[0] ?? null, entry);
    if (applied.rows.length > 0) this.workshop.rowsChanged(applied.rows, entry);
  }

  #boarded(entry: Entry, change: Change, changed: Changed | null): void {
    this.workshop.committed(entry, change, changed);
    this.#options.teller?.boarded?.(entry, change, changed);
  }

  #newWorkshop(): Workshop {
    const { journal, site, bus, base, telemetry } = this;
    const { token, password, seed } = site.bus;
    const secrets = [site.http.token, token, password, seed, site.source.token].filter((secret) => secret !== null);
    return new Workshop({
      ...{ site, journal, bus, base, telemetry, secrets, clock: this.#clock, layers: this.#layers },
      board: this.#applier.board,
      executors: this.workers.executors,
      claims: (world) =>
        claimsOf({
          ...{ ...world, site, bus, journal, clock: this.#clock, random: this.#machine.chance },
          board: this.#applier.board,
          fault: (what, error) => this.#fault(what, error),
          trouble: (error) => this.#log.warn({ detail: (error as Error).message }, "trouble with the board's bucket"),
        }),
      boot: `${journal.epoch}${Buffer.from(this.#machine.random(4)).toString("hex")}`,
      ...(this.#options.pace === undefined ? {} : { pace: this.#options.pace }),
      patient: this.#patience.bound,
      fault: (what, error) => this.#fault(what, error),
    });
  }

  #boardState(applier: Applier, { layers }: SiteLayers, offers: OfferBook): BoardState {
    return new BoardState({ applier, layers, offers, basis: boardBasis(this.site, this.#plan) });
  }

  /** A board that is only saved: it follows the one at work. */
  #newShadow(): BoardState {
    const plan = this.#plan;
    const holds = new SiteLayers(plan.actors);
    const applier = newApplier(this.loaded, holds, { reader: this.#reader, plan });
    return this.#boardState(applier, holds, new OfferBook(this.#clock, this.journal, this.loaded.publish));
  }

  #openCheckpointStore(): Store {
    const open = (options: StoreOptions) => this.#machine.openStore(options);
    const warn = (sentence: string) => this.#log.warn(sentence);
    try {
      const path = join(this.#options.dataDir, "checkpoint");
      return openCheckpointStore(path, open, warn, () => this.journal.extent());
    } catch (error) {
      void this.journal.close();
      throw error;
    }
  }

  #newCheckpoints(): Checkpoints {
    const store = this.#checkpointStore;
    const warn = (sentence: string) => this.#log.warn(sentence);
    const ids = new DedupeState(this.#dedupe);
    return new Checkpoints({
      ...{ store, journal: this.journal, clock: this.#clock, everyMs: this.site.checkpoint.everyMs, warn },
      hears: ({ applier }) => hearsHash(this.site, (type) => applier.hears(type)),
      board: this.#board,
      newBoard: () => this.#newShadow(),
      // One that has failed has no state worth saving: a reload makes it anew, from the journal.
      others: () => [ids, ...this.transforms.saved().filter(({ live }) => live.broken === null)],
      failed: (error) => this.#fault("the state can't be saved", error),
    });
  }

  #newWorkers(): Workers {
    const { site, bus, base } = this;
    const { dataDir, env = process.env } = this.#options;
    return workersOf({ site, dataDir, env, bus, base, clock: this.#clock, log: this.#log });
  }

  /** Posts notices to where the site wants them. */
  #openWebhook(): Webhook | null {
    const { webhook: url } = this.site.notices;
    if (url === null) return null;
    const { bus, base } = this;
    const onLost = (detail: string) => this.#log.warn({ detail }, "a notice was not posted");
    return openWebhook({
      url,
      bus,
      base,
      clock: this.#clock,
      fetch: this.#machine.fetch,
      random: this.#machine.chance,
      onLost,
    });
  }

  #newTransforms(): SiteTransforms {
    return new SiteTransforms({
      config: this.site.transforms,
      journal: this.journal,
      clock: this.#clock,
      store: this.#identities,
      readSpecs: () => loadSpecs(this.site.dir),
      inForce: (hash) => this.#configDraft(hash),
      refuse: (refused) => this.#refused(refused),
      isRefused: (source, seq) => this.#lettersSince.has(`${source} ${seq}`) || this.letters.isUnwritten(source, seq),
      unwritten: (source) => this.letters.unwritten(source),
      fault: (what, error) => this.#fault(what, error),
      info: (fields, message) => this.#log.info(fields, message),
    });
  }

  /** Items of a stream that are sure to be taken now, with all that may follow from them at once. */
  #streamRoom(): number {
    const { queuedEntries, queuedBytes } = this.journal.stats();
    const { journalQueueEntries, journalQueueBytes, runs } = limits;
    if (queuedEntries > journalQueueEntries / 4 || queuedBytes > journalQueueBytes / 4) return 0;
    return Math.max(0, runs - this.runner.backlog);
  }

  /** Streams that the site consumes. */
  #newStreams(): Streams {
    const { bus, journal, site } = this;
    const clock = this.#clock;
    const onError = (error: unknown, stream: string) =>
      this.#log.warn({ stream, detail: (error as Error).message }, "trouble with a stream");
    return new Streams({
      streams: this.#machine.openStreams(site, { bus, clock, onError }),
      sink: { take: (items, positionOf) => this.intake.takeStream(items, positionOf) },
      room: () => this.#streamRoom(),
      position: (source) => journal.position(source),
      clock,
      told: (stream, { kind, detail }) => this.#log.warn({ stream, kind }, detail),
      fault: (what, error) => this.#fault(what, error),
    });
  }

  #newIngest(): EventIngest {
    return new EventIngest({
      journal: this.journal,
      clock: this.#clock,
      reader: newReader(this.site),
      dedupe: this.#dedupe,
      refuse: (refused) => this.#refused(refused),
      backlog: () => this.runner.backlog,
      count: (outcome, type) => this.metrics.event(outcome, type),
      pending: this.#pendingIds,
    });
  }

  #newIntake(): Intake {
    const { site, base, journal, ingest, hub } = this;
    return new Intake({
      gate: { ...site, actions: ACTIONS, hears: (type) => this.#applier.hears(type) },
      ...{ base, journal, ingest, clock: this.#clock, dedupe: this.#dedupe, pending: this.#pendingIds },
      letters: this.letters,
      backlog: () => this.runner.backlog,
      count: (outcome, type, many) => this.metrics.event(outcome, type, many),
      replicated: hub === null ? null : (seq) => hub.replicated(seq),
      patient: this.#patience.bound,
      isStuck: () => journal.trouble !== null,
      lost: (events, err) => this.#log.warn({ events, err }, "events were dropped that nobody waits for"),
    });
  }

  #openDoor(): BusDoor {
    const { site, bus, base, intake } = this;
    const log = this.#log;
    const onError = (error: unknown) => log.warn({ detail: (error as Error).message }, "trouble on the bus");
    const isPlain = bus instanceof NatsBus && site.bus.lane === "auto";
    const door = new BusDoor({
      ...{ bus, base, intake, clock: this.#clock, hasHub: this.hub !== null },
      nats: isPlain ? { ...natsOptionsOf(site), clock: this.#clock, random: this.#machine.chance, onError } : null,
      left: (reason) => log.warn({ reason }, "the fast lane can't be taken: events come by the ordinary way"),
      lost: (what) => log.warn(what),
    });
    if (door.ordinaryAs !== null)
      log.info({ reason: door.ordinaryAs }, "the fast lane is not used: events come by the ordinary way");
    return door;
  }

  /** Names what the board hears, for a `config` entry. */
  get #hears(): string {
    return hearsHash(this.site, (type) => this.#applier.hears(type));
  }

  #refused(refused: Refused): void {
    this.letters.add(refused);
    const { code, detail, where, subject } = refused;
    // Details quote what was sent, and that may be a customer.
    this.#log.debug({ code, detail, where, subject }, "an event was rejected");
  }

  #decided({ seq }: Entry, decision: Decision): void {
    this.offers.add(seq, decision);
    const { publish } = this.loaded;
    let messages: readonly Wire[] | null = null;
    this.offers.tell({
      seq,
      decision,
      // A coupon for a department lists hundreds of products: made when somebody follows, and once.
      get messages() {
        messages ??= predictions(decision, publish);
        return messages;
      },
    });
    this.metrics.decision(decision.none?.reason ?? "offered", (this.#clock.now() - decision.receivedAt) / 1000);
    this.#options.teller?.decided(decision, this.#clock.monotonic());
    if (this.#log.isLevelEnabled("debug"))
      this.#log.debug({ decision: decision.id, customer: decision.customer, none: decision.none }, "decided");
    if (decision.none?.reason === "unknown-customer") this.#refuseUnknown(decision);
  }

  #newOutbox(): Outbox {
    const { journal, bus, base, site } = this;
    return new Outbox({
      ...{ journal, bus, base, store: journal.store, clock: this.#clock, random: this.#machine.chance },
      // In one process the word of the bus is all there is.
      ack: bus instanceof MemoryBus ? "server" : site.bus.outbox.ack,
      // What goes to a hub's journal stays here until it is on its disk: then nothing rests on a stream.
      frailtyOf:
        bus instanceof NatsBus && site.hub.base === null ? (keeper) => frailtyAt(bus, keeper, site.bus.outbox) : null,
      messages: (decision) => predictions(decision, this.loaded.publish),
      decisionOf: (entry) =>
        isDecision(entry) ? ((entry.value as Decision | undefined) ?? readDecision(entry.payload)) : null,
      fault: (what, error) => this.#fault(what, error),
    });
  }

  #newHub(): HubLink | null {
    const { journal, bus, site } = this;
    const { base } = site.hub;
    if (base === null) return null;
    return new HubLink({
      ...{ journal, bus, store: journal.store, clock: this.#clock, random: this.#machine.chance },
      ...{ place: site.place, hub: base },
      fault: (what, error) => this.#fault(what, error),
    });
  }

  #newHubDoor(): HubDoor {
    const { bus, base, journal } = this;
    return new HubDoor({ bus, base, journal, clock: this.#clock, dedupe: this.#dedupe });
  }

  /** Whether a higher layer keeps a subject from being published. */
  #isBlocked(port: string, { customer, department, receivedAt }: Decision): boolean {
    return this.#layers.layers.heldPort(port, { customer, department }, receivedAt) !== null;
  }

  /** Kept, so that it can be taken in again once somebody has told the source who that is. */
  #refuseUnknown({ cause, none }: Decision): void {
    const entry = this.journal.find(cause);
    if (entry === null) return;
    const { principal, subject: source, headers, payload } = entry;
    this.letters.add({
      code: "unknown-customer",
      detail: none!.detail,
      where: { source },
      seq: cause,
      principal,
      subject: source,
      headers,
      payload,
    });
  }

  #fault(what: string, error: unknown): void {
    this.metrics.fault();
    this.#log.error({ err: error }, what);
  }

  /** The last dead letters of the fold, by spec and sequence. */
  get #lettersSince(): ReadonlySet<string> {
    this.#foldLetters ??= new Set(
      ["late", "limit"]
        .flatMap((code) => this.letters.list({ code, limit: 2 * limits.untoldEntries }))
        .map(({ where, seq }) => `${where.source} ${seq}`),
    );
    return this.#foldLetters;
  }

  #faces() {
    const { name, place, http, departments } = this.site;
    const about = { site: name, place, version: this.#options.version, departments: [...departments.keys()] };
    return { http, about, clock: this.#clock };
  }

  #serve(where: Where): Promise<Listening> {
    const ports = this.#ports();
    const faces = { ...this.#faces(), socket: "socketPath" in where, bodies: new Bodies() };
    const app = createApp(ports, faces);
    const events = rawEvents({ ...ports, ...faces, intake: this.intake, access: accessOf(faces) });
    const hold = holding([this.journal.store, this.#checkpointStore], this.#clock);
    const raw: RawHandler = (incoming, outgoing) =>
      (faces.socket && hold(incoming, outgoing)) || events(incoming, outgoing);
    return this.#machine.serve(app, where, { log: this.#log, raw });
  }

  /** Takes requests in, and answers when what they ask for holds. */
  #accepting(): Ingest {
    const { ingest, intake, journal, hub } = this;
    const replicated = hub === null ? null : (seq: number) => hub.replicated(seq);
    const reach = { replicated, patient: this.#patience.bound, lost: intake.lost };
    return {
      hasHub: hub !== null,
      accept: async (inbound, ack = "durable") => {
        intake.release(); // what the same sender sent before may be held
        return acceptAt(ack, ingest.take(inbound), reach, () => journal.lastSeq);
      },
      refused: (inbound, code, detail) => ingest.refused(inbound, code, detail),
    };
  }

  #ports(): Ports {
    const { metrics, loaded } = this;
    return {
      ingest: this.#accepting(),
      offers: this.offers,
      decisions: this.#decisions,
      letters: replayable(this.letters, this.ingest),
      scoring: loaded.model === null ? null : scoringOf(this.site, loaded.model),
      transforms: this.transforms,
      plan: { reload: () => this.reloadPlan() },
      board: this.workshop.face(this.runner.scheduler),
      health: this.#health(),
      metrics,
      requests: { observe: (route, status, seconds) => metrics.request(route, status, seconds) },
      log: this.#log,
      patient: this.#patience.bound,
    };
  }

  #health(): Health {
    const trouble = (port: unknown): string | null => (port as { trouble?: string | null }).trouble ?? null;
    return {
      notReady: () => {
        if (!this.#ready) return ["starting or stopping"];
        const { failure, trouble } = this.journal;
        const why = failure?.message ?? trouble;
        return why === null ? [] : [why];
      },
      degraded: () => [
        ...[this.outbox.trouble(), this.hub?.trouble() ?? null].filter((reason) => reason !== null),
        ...this.outbox.frailties(),
        ...[this.#source, this.#scorer, ...(this.#door === null ? [] : [this.#door])]
          .map(trouble)
          .filter((reason) => reason !== null),
        ...[trouble(this.bus), this.#door?.losses ?? null].filter((reason) => reason !== null),
        ...this.streams.trouble(),
        ...[this.checkpoints.lost, this.checkpoints.trouble(), this.#clockWatch.trouble()].filter(
          (reason) => reason !== null,
        ),
        ...[...this.keeping.trouble(), this.keeping.scrub.trouble()].filter((reason) => reason !== null),
        ...this.transforms.trouble(),
      ],
    };
  }

  /** What is measured: by name, as some of it is made later. */
  #measured(): Measured {
    const place = this;
    return {
      ...{ journal: this.journal, letters: this.letters, bus: this.bus, applier: this.#applier, dedupe: this.#dedupe },
      ...{ checkpoints: this.checkpoints, outbox: this.outbox, telemetry: this.telemetry, hub: this.hub },
      ...{ hubDoor: this.#hubDoor, clock: this.#clock, busDoor: () => this.#door },
      scrub: this.keeping.scrub,
      get intake() {
        return place.intake;
      },
      get runner() {
        return place.runner;
      },
    };
  }
}

/** Why decisions that a stream has acknowledged may be lost; null: they last. @throws AisleError as `keepingFrailty` */
async function frailtyAt(bus: NatsBus, keeper: StreamKeeper, { synced }: { readonly synced: boolean }) {
  const resting = { rests: restsOn(keeper), synced, setting: "bus.outbox.synced" };
  const why = await keepingFrailty(bus, { ...keeper, ...resting });
  return why === null ? null : `${why}; or give them to a hub's journal ('hub' in site.yml)`;
}

/** @throws AisleError `invalid` when there can be no such folder */
function makeFolder(dir: string): void {
  try {
    makeFolders(dir, 0o700);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === "EEXIST" || code === "ENOTDIR" ? "a file stands there" : (cause as Error).message;
    throw new AisleError("invalid", `the data folder '${dir}' can't be made: ${why}; choose another with --data`, {
      cause,
    });
  }
}

function text(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString();
}
