// A site at work: opens the journal, rebuilds the board, opens the doors. The one file that knows all others.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { actors } from "../actors/index.ts";
import type { Actor, World } from "./actor.ts";
import { type Applied, Applier, type Holds } from "./apply.ts";
import { type BoardRecord, keyOf } from "./board/board.ts";
import { carryOld } from "./board/carry.ts";
import { type Change, type Changed, changeDraft } from "./board/change.ts";
import type { Bus } from "./bus/bus.ts";
import { MemoryBus } from "./bus/memory.ts";
import { NatsBus } from "./bus/nats.ts";
import { NatsKv } from "./bus/nats-kv.ts";
import { subjectBase } from "./bus/subject.ts";
import { within } from "./bus/within.ts";
import { BusDoor, laneReadings } from "./bus-door.ts";
import { boardBasis } from "./checkpoint/basis.ts";
import { BoardState } from "./checkpoint/board-state.ts";
import { Checkpoints } from "./checkpoint/checkpoints.ts";
import { DedupeState } from "./checkpoint/dedupe-state.ts";
import { behind } from "./checkpoint/hearing.ts";
import { openCheckpointStore } from "./checkpoint/open.ts";
import { checkpointReadings } from "./checkpoint/readings.ts";
import { type Claims, LocalClaims } from "./claims/claims.ts";
import { boardBucket } from "./claims/keys.ts";
import { KvClaims } from "./claims/kv-claims.ts";
import { awake, type Clock, HOUR, systemClock } from "./clock.ts";
import { type LoadedPlan, loadSpecs, type OpenedSite } from "./config.ts";
import { Forest } from "./core/forest.ts";
import { type Catalog, shortName } from "./data/catalog.ts";
import { readText } from "./data/files.ts";
import { readModel } from "./data/model.ts";
import { type CustomerSource, HttpSource, LocalSource } from "./data/source.ts";
import { CouponModel, explainer } from "./decide/coupon-model.ts";
import type { Decision } from "./decide/decision.ts";
import { DecisionLog } from "./decide/log.ts";
import { isDecision, OfferBook, readDecision } from "./decide/offers.ts";
import { CoreScorer, RestScorer, type Scorer } from "./decide/scorer.ts";
import { type PublishCoupon, predictions, type Wire } from "./decide/wire.ts";
import { Dedupe, printOf } from "./dedupe.ts";
import { AisleError } from "./errors.ts";
import { ACTIONS, EventReader } from "./events.ts";
import { accessOf, createApp } from "./http/app.ts";
import { Bodies } from "./http/body.ts";
import type { DeadLetters, Health, Ingest, PlanReload, Ports, Receipt } from "./http/ports.ts";
import { rawEvents } from "./http/raw-events.ts";
import type { Listening, Where } from "./http/server.ts";
import { HubDoor } from "./hub/door.ts";
import { HubLink } from "./hub/link.ts";
import { hubReadings } from "./hub/readings.ts";
import { EventIngest, type PendingIds, type Refused } from "./ingest.ts";
import { acceptAt } from "./intake/answers.ts";
import { hearsHash } from "./intake/hears.ts";
import { Intake } from "./intake/intake.ts";
import { Block } from "./journal/block.ts";
import type { Draft, Entry } from "./journal/journal.ts";
import type { StoreJournal } from "./journal/store-journal.ts";
import { BlockWalk } from "./journal/walk.ts";
import { limits } from "./limits.ts";
import { transformReadings } from "./live/readings.ts";
import { SiteTransforms } from "./live/transforms.ts";
import type { Log } from "./log.ts";
import { type Machine, natsOptionsOf, thisMachine } from "./machine.ts";
import { RuntimeMetrics } from "./metrics.ts";
import { Outbox } from "./outbox/outbox.ts";
import { withheldHeader } from "./outbox/owed.ts";
import { outboxReadings } from "./outbox/readings.ts";
import { Telemetry } from "./outbox/telemetry.ts";
import type { Pace } from "./pacer.ts";
import { differenceOf } from "./plan/difference.ts";
import { Runner, type WorkPorts } from "./runner.ts";
import type { RemoteRuns } from "./runs/remote-runs.ts";
import { openWebhook, type Webhook } from "./runs/webhook.ts";
import { scoringOf } from "./scoring.ts";
import type { Plan, PlannedActor, Site } from "./site.ts";
import { openDeadLetters, type StoredDeadLetters } from "./store/deadletters.ts";
import { IdentityStore } from "./store/identities.ts";
import { Streams } from "./streams.ts";
import { type Workers, workersOf } from "./workers.ts";
import { type ClaimsWorld, SiteLayers, Workshop } from "./workshop.ts";

const UTF8 = new TextEncoder();

/** Every actor that a plan may name, of whatever input and output. */
export const allActors = actors as unknown as readonly Actor<unknown, unknown, unknown>[];

/** What of a site does not live: catalog, model, the rules by which events are read. */
export interface Loaded {
  readonly site: Site;
  readonly catalog: Catalog;
  readonly model: CouponModel | null;
  readonly world: World;
  readonly publish: PublishCoupon;
  /** The plan's may change while the place runs. */
  readonly versions: { -readonly [Name in keyof Decision["versions"]]: Decision["versions"][Name] };
}

/**
 * Reads a site's model, and puts together what its actors look up.
 *
 * @throws SiteError when the model can't be used
 */
export function load({ site, catalog }: OpenedSite): Loaded {
  const model = loadModel(site, catalog);
  const { areas, hashes } = site;
  const world: World = {
    areas,
    removedMax: limits.decisionRemoved,
    couponsOf: (department) => catalog.couponsOf(department),
    departmentAt: (x, y) =>
      areas.find(({ x0, y0, x1, y1 }) => x0 <= x && x <= x1 && y0 <= y && y <= y1)?.department ?? null,
  };
  const publish: PublishCoupon = (id) => {
    const coupon = catalog.coupon(id);
    return coupon === null ? { id } : catalog.publish(coupon.index);
  };
  return { site, catalog, model, world, publish, versions: { model: model?.hash ?? null, ...pick(hashes) } };
}

function loadModel({ dir, scorer: { model, features } }: Site, catalog: Catalog): CouponModel | null {
  if (model === null) return null;
  const file = shortName(dir, model);
  const read = readModel(readText(model, file, limits.modelBytes), {
    file,
    features: features.map(({ name }) => name),
  });
  const forest = new Forest(read, { shared: features.map(({ of }) => of === "customer") });
  return new CouponModel(forest, features, catalog);
}

function pick({ plan, catalog, site }: Site["hashes"]): Pick<Site["hashes"], "plan" | "catalog" | "site"> {
  return { plan, catalog, site };
}

/** A board with nothing on it, for the site's plan. */
export function newApplier(
  { site, world }: Loaded,
  holds: Holds = new SiteLayers(site.plan.actors),
  { reader = newReader(site), plan = site.plan }: { readonly reader?: EventReader; readonly plan?: Plan } = {},
): Applier {
  return new Applier({ plan, actors: allActors, reader, world, holds });
}

function newReader({ events, departments, timeZone }: Site): EventReader {
  return new EventReader(events, departments, timeZone);
}

/** What the actors of a site work with, live and in a replay. */
export function workOf(loaded: Loaded, epoch: string, scorer: Scorer): WorkPorts {
  const { site, catalog, world, versions } = loaded;
  const explain = explainer(site.scorer.features, catalog);
  return { plan: site.plan, actors: allActors, world, scorer, explain, place: site.place, epoch, versions };
}

/** The model of the site in the core; one that always fails where the site has none. */
export function coreScorer({ model }: Loaded): Scorer {
  if (model !== null) return new CoreScorer(model);
  return {
    outside: false,
    model: null,
    score: () => ({ state: "failed", detail: "the site has no model of its own" }),
  };
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
  /** Told of every entry applied and every decision on disk, live; `now` is monotonic, ms. */
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

/** How often old entries and letters are looked for. */
const RETENTION_EVERY_MS = HOUR;
/** Of the bytes that the journal may take. */
const NEARLY_FULL = 0.8;

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
  readonly #dedupe = new Dedupe(limits.dedupeIds);
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
  #stopRetention: () => void = () => {};
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
    this.letters = openDeadLetters({ store: this.journal.store, clock });
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
    this.#hubDoor = site.hub.accept ? new HubDoor({ bus: this.bus, base: this.base, journal: this.journal }) : null;
    this.offers = new OfferBook(clock, this.journal, this.loaded.publish);
    this.#identities = new IdentityStore(join(dataDir, "identities"));
    this.transforms = this.#newTransforms();
    this.#board = this.#boardState(this.#applier, this.#layers, this.offers);
    this.checkpoints = this.#newCheckpoints();
    this.workers = this.#newWorkers();
    this.workshop = this.#newWorkshop();
    this.streams = this.#newStreams();
    const labelled = [
      ...transformReadings(this.transforms, clock),
      ...this.workshop.readings(),
      ...this.streams.readings(),
    ];
    this.metrics = new RuntimeMetrics(this.#readings(), labelled, this.#machine.isMeasured);
    this.runner = this.#newRunner();
    this.ingest = this.#newIngest();
    this.intake = this.#newIntake();
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
    this.#retain();
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
    this.#stopRetention();
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
    this.telemetry.close();
    await this.#door?.close();
    await this.bus.drain();
    await this.letters.close();
    await this.journal.close();
    await this.#identities.close();
    this.#log.info("stopped");
  }

  /** Board, transforms, dedupe and standing offers as the journal has them. */
  #rebuild(): void {
    const { checkpoints } = this;
    // First of all who hear of a commit: decisions leave directly after it.
    this.outbox.open();
    this.hub?.open();
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
    if (isDecision(entry)) this.offers.stand(entry.seq, readDecision(entry.payload));
  }

  #rememberAny(part: Entry | Block): void {
    if (part instanceof Block) this.#rememberAll(part);
    else if (part.kind !== "decision") this.#remember(part);
  }

  #remember({ headers, payload, receivedAt }: Entry): void {
    // Of an entry that came from another place the id is that place's.
    if (headers.id === undefined || headers.origin !== undefined) return;
    this.#dedupe.add(printOf(headers.source ?? "", headers.id, payload), receivedAt);
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
      claims: (world) => this.#newClaims(world),
      boot: `${journal.epoch}${Buffer.from(this.#machine.random(4)).toString("hex")}`,
      ...(this.#options.pace === undefined ? {} : { pace: this.#options.pace }),
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

  #newCheckpoints(): Checkpoints {
    const path = join(this.#options.dataDir, "checkpoint");
    const warn = (sentence: string) => this.#log.warn(sentence);
    const ids = new DedupeState(this.#dedupe);
    return new Checkpoints({
      store: openCheckpointStore(path, (options) => this.#machine.openStore(options), warn),
      ...{ journal: this.journal, clock: this.#clock, everyMs: this.site.checkpoint.everyMs, warn },
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

  /** Nodes that share pages or limits agree over a bucket; alone, the scheduler says it all. */
  #newClaims({ notice, changed }: ClaimsWorld): Claims {
    const { bus, site, journal } = this;
    const clock = this.#clock;
    if (!(bus instanceof NatsBus) || !isShared(site.plan)) return new LocalClaims();
    const fault = (what: string, error: unknown) => this.#fault(what, error);
    const onError = (error: unknown) =>
      this.#log.warn({ detail: (error as Error).message }, "trouble with the board's bucket");
    const kv = new NatsKv({
      bus,
      bucket: boardBucket(site.bus.prefix, site.name),
      clock,
      random: this.#machine.chance,
      onError,
    });
    return new KvClaims({
      ...{ kv, clock, notice, changed, fault, plan: site.plan, node: site.place, random: this.#machine.chance },
      epoch: journal.epoch,
      board: this.#applier.board,
      append: (drafts) => journal.append(drafts),
    });
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
      isRefused: (source, seq) => this.#lettersSince.has(`${source} ${seq}`),
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
    // Who is told of every entry sees each as an object.
    const hears = this.#options.teller === undefined ? (type: string) => this.#applier.hears(type) : () => true;
    return new Intake({
      gate: { ...site, actions: ACTIONS, hears },
      ...{ base, journal, ingest, clock: this.#clock, dedupe: this.#dedupe, pending: this.#pendingIds },
      backlog: () => this.runner.backlog,
      count: (outcome, type, many) => this.metrics.event(outcome, type, many),
      replicated: hub === null ? null : (seq) => hub.replicated(seq),
      lost: (events, err) => this.#log.warn({ events, err }, "events were dropped that nobody waits for"),
    });
  }

  #openDoor(): BusDoor {
    const { site, bus, base, intake } = this;
    const log = this.#log;
    const onError = (error: unknown) => log.warn({ detail: (error as Error).message }, "trouble on the bus");
    const isPlain = bus instanceof NatsBus && site.bus.lane === "auto";
    return new BusDoor({
      ...{ bus, base, intake, clock: this.#clock, hasHub: this.hub !== null },
      nats: isPlain ? { ...natsOptionsOf(site), clock: this.#clock, random: this.#machine.chance, onError } : null,
      left: (reason) => log.warn({ reason }, "the fast lane can't be taken: events come by the ordinary way"),
    });
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

  #retain(): void {
    const { ageMs, bytes, decisionsMs, deadLettersMs } = this.site.retention;
    const run = async () => {
      const upToSeq = Math.min(await this.#carryOld(), this.checkpoints.upToSeq);
      const [bus, hub] = [this.outbox.neededFrom(), this.hub?.neededFrom() ?? Number.POSITIVE_INFINITY];
      const needed = { lastingFrom: Math.min(bus, hub), passingFrom: hub };
      await this.journal.retain({ ageMs, bytes, decisionAgeMs: decisionsMs, upToSeq, ...needed });
      await this.letters.retain(deadLettersMs);
    };
    run().catch((error) => this.#fault("old entries can't be removed", error));
    this.#stopRetention = this.#clock.after(RETENTION_EVERY_MS, () => this.#retain());
  }

  /**
   * Records of the board that rest on the older half of what is kept are written again. A checkpoint has them too, but of
   * one plan: under another, or if it can't be read, the board is made from the journal alone.
   */
  #carryOld(): Promise<number> {
    const { ageMs, bytes } = this.site.retention;
    const { firstSeq, lastSeq, bytes: taken } = this.journal.stats();
    const isFull = taken > bytes * NEARLY_FULL;
    return carryOld({
      board: this.#applier.board,
      append: (drafts) => this.journal.append(drafts),
      node: this.site.place,
      beforeAt: this.#clock.now() - ageMs / 2,
      beforeSeq: isFull ? (firstSeq + lastSeq) / 2 : 0,
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
    const raw = rawEvents({ ...ports, ...faces, intake: this.intake, access: accessOf(faces) });
    return this.#machine.serve(app, where, { log: this.#log, raw });
  }

  /** Takes requests in, and answers when what they ask for holds. */
  #accepting(): Ingest {
    const { ingest, journal, hub } = this;
    const replicated = hub === null ? null : (seq: number) => hub.replicated(seq);
    return {
      hasHub: hub !== null,
      accept: async (inbound, ack = "durable") =>
        acceptAt(ack, ingest.take(inbound), replicated, () => journal.lastSeq),
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
        ...[this.#source, this.#scorer, ...(this.#door === null ? [] : [this.#door])]
          .map(trouble)
          .filter((reason) => reason !== null),
        ...[this.bus].map(trouble).filter((reason) => reason !== null),
        ...this.streams.trouble(),
        ...[this.checkpoints.trouble()].filter((reason) => reason !== null),
        ...this.transforms.trouble(),
      ],
    };
  }

  #openVisits(): number {
    const { visits, board } = this.#applier;
    return visits === null ? 0 : board.page(visits.name).size;
  }

  #readings() {
    const read = (name: string, help: string, value: () => number) => ({ name: `aisle_${name}`, help, read: value });
    return [
      read("journal_last_seq", "Highest sequence on disk", () => this.journal.stats().lastSeq),
      read("journal_commits_total", "Commits since the start", () => this.journal.stats().commits),
      read("journal_bytes", "Bytes of the journal on disk", () => this.journal.stats().bytes),
      read("journal_queued_entries", "Entries that wait for the disk", () => this.journal.stats().queuedEntries),
      read("ingest_dropped_total", "Events dropped that nobody waited for", () => this.intake.dropped),
      read(
        "bus_losses_total",
        "Connections to the bus lost; what came meanwhile without a reply is lost",
        () => this.bus.stats().losses,
      ),
      read(
        "bus_cut_off_total",
        "Of these, where the server said that we read too slowly",
        () => this.bus.stats().cutOff,
      ),
      read("ingest_waiting", "Events taken and not yet on disk", () => this.intake.waiting),
      ...laneReadings(() => this.#door?.laneStats ?? null),
      read("undecided_focuses", "Focuses that wait for their decision", () => this.runner.backlog),
      read("open_visits", "Visits on the board", () => this.#openVisits()),
      read("evicted_visits_total", "Visits closed early, as the board was full", () => this.#applier.evicted),
      read("dedupe_ids", "Ids that are remembered: the horizon of deduplication", () => this.#dedupe.size),
      read("dedupe_evicted_total", "Ids that had to be forgotten", () => this.#dedupe.evicted),
      read("dedupe_days", "Days of which ids are remembered", () => this.#dedupe.days),
      read(
        "dedupe_since_seconds",
        "Where the oldest of these days begins, epoch",
        () => (this.#dedupe.since ?? 0) / 1000,
      ),
      read("dead_letters", "Dead letters kept", () => this.letters.stats().count),
      read("dead_letters_lost_total", "Dead letters that could not be kept", () => this.letters.stats().lost),
      ...checkpointReadings(this.checkpoints, this.#clock),
      ...outboxReadings(this.outbox, this.telemetry),
      ...hubReadings(this.hub, this.#hubDoor),
    ];
  }
}

/** Whether several nodes work on it together, or count each other's runs. */
function isShared({ pages, actors: planned }: Plan): boolean {
  return (
    pages.some(({ shared }) => shared) ||
    planned.some(
      ({ selvesScope, conflicts }) => selvesScope === "site" || conflicts.some(({ scope }) => scope === "site"),
    )
  );
}

/** @throws AisleError `invalid` when there can be no such folder */
function makeFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === "EEXIST" || code === "ENOTDIR" ? "a file stands there" : (cause as Error).message;
    throw new AisleError("invalid", `the data folder '${dir}' can't be made: ${why}; choose another with --data`, {
      cause,
    });
  }
}

function sourceOf({ site, catalog }: Loaded, fetch: Machine["fetch"]): CustomerSource {
  const { url, ...rest } = site.source;
  if (url === null) return new LocalSource((customer) => catalog.customers.get(customer));
  return new HttpSource({ url, ...rest, columns: site.catalog.customers.columns, fetch });
}

function scorerOf(loaded: Loaded, clock: Clock, fetch: Machine["fetch"]): Scorer {
  const { url, timeoutMs, fallback } = loaded.site.scorer;
  if (url === null) return coreScorer(loaded);
  return new RestScorer({
    url,
    timeoutMs,
    clock,
    fetch,
    fallback: fallback === "model" ? coreScorer(loaded) : null,
    couponRow: (index) => loaded.catalog.couponRow(index),
    couponKey: loaded.site.catalog.coupons.key,
  });
}

/** Dead letters that can be taken in again. */
function replayable(letters: StoredDeadLetters, ingest: EventIngest): DeadLetters {
  return {
    list: (options) => letters.list(options),
    get: (id) => letters.get(id),
    count: () => letters.count(),
    async replay(id): Promise<Receipt> {
      const letter = letters.get(id);
      if (letter === null) throw new AisleError("not-found", `there is no dead letter ${id}`);
      if (letter.replayedAs !== undefined) {
        throw new AisleError("conflict", `dead letter ${id} was taken in again before, as entry ${letter.replayedAs}`);
      }
      const { principal, subject: path, headers, payload, payloadBytes } = letter;
      if (payload.length < payloadBytes)
        throw new AisleError("invalid", `dead letter ${id} was cut to ${payload.length} of ${payloadBytes} bytes`);
      const { type = null, ...rest } = headers;
      const inbound = { principal, subject: path, type, headers: rest, body: payload };
      const receipt = await ingest.replay(inbound, id, letter.seq ?? null);
      const seq = receipt.seqs[0];
      if (seq !== undefined) await letters.markReplayed(id, seq);
      return receipt;
    },
  };
}

function text(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString();
}
