// Every bound of the runtime. At a bound the caller is told; nothing is dropped in silence.
// Bytes unless the name says otherwise; durations in ms.

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  // Events in
  /** One event's payload. A beacon's is 60 bytes, a till's receipt a few kB. */
  eventBytes: 64 * KiB,
  /** One HTTP body, after decompression. */
  bodyBytes: 8 * MiB,
  /** Events in one HTTP body. */
  bodyEvents: 10_000,
  /** Nesting of a JSON payload. */
  jsonDepth: 64,
  /** One batch for the scanner: at least one body and one commit. */
  scanBytes: 32 * MiB,
  /** Payloads of one batch for the scanner. */
  scanPayloads: 100_000,
  /** Identity, id and type of an event, in UTF-8 bytes. */
  tokenBytes: 256,
  /** Headers kept with an event, and their names and values in UTF-8 bytes; a hub adds two of its own. */
  eventHeaders: 64,
  eventHeaderBytes: 16 * KiB,
  /** Ids remembered for deduplication, unless the site says how many; and what it may say. */
  dedupeIds: 1_000_000,
  dedupeIdsMin: 1_000,
  dedupeIdsMax: 50_000_000,
  /** An event this far ahead of the receive time is a dead letter, ms. */
  eventAheadMs: 5 * 60_000,
  /** Items that are judged at once, a power of two, and what is gathered of their bytes: memory of the intake's core. */
  intakeItems: 16_384,
  intakeBytes: 4 * MiB,
  /** Of what is gathered, so many bytes are taken on at once, also while a commit is under way: so they stay near. */
  intakeBatchBytes: 128 * KiB,
  /** With so much on its way to the disk, what comes waits for its end, lest each few events are a batch. */
  intakeHoldBytes: 32 * KiB,
  /** Events taken and not yet on disk, and their bytes; past that senders get `overloaded`, or are not read from. */
  intakePending: 200_000,
  intakePendingBytes: 48 * MiB,
  /** Entries of one block, and their bytes. */
  blockEntries: 8_192,
  blockBytes: 4 * MiB,
  /** Bytes for blocks on their way to the disk that are used again and again. */
  blockRoomBytes: 16 * MiB,
  /** Subjects and paths whose events need no look by the host, a power of two, and the bytes of their texts. */
  intakeEnvelopes: 1_024,
  intakeEnvelopeBytes: 256 * KiB,
  /** Of them for subjects of streams; beyond, each event brings its subject. */
  intakeStreamSubjects: 64,

  // Journal
  /** Entries waiting for a commit; past that callers get `overloaded`. */
  journalQueueEntries: 250_000,
  /** Bytes waiting for a commit. */
  journalQueueBytes: 64 * MiB,
  /** Entries of one commit, that is of one LMDB value. */
  commitEntries: 50_000,
  /** Bytes of one commit; what came as one message of a stream may have more, up to those that may wait. */
  commitBytes: 16 * MiB,
  /** Bytes for a commit that are kept for the next one. */
  commitRoomBytes: 16 * MiB,
  /**
   * The journal and what lies beside it, on disk; past that it takes nothing more until retention has made room. It is
   * address space, not memory, of which some 64-bit systems have no more than 512 GiB for a process.
   */
  journalMapBytes: 128 * 1024 * MiB,
  /**
   * The most that `retention: { size }` may be: half of the map. Until a checkpoint lets old entries go the journal may
   * take twice its size, and dead letters (`deadLetters` × `deadLetterBytes`) and free pages have to find room too.
   */
  retentionBytesMax: 64 * 1024 * MiB,
  /** Of the disk, so much stays free: what is stored can then still be removed. */
  diskReserveBytes: 16 * MiB,
  /** A clock that is so far behind the journal's last entry makes a place degraded, ms. */
  clockBehindMs: 5 * 60_000,
  /** Behind a gap of so long nothing is old by the clock before it has gone well for so long, ms: it may have jumped ahead. */
  clockGapMs: 24 * 3_600_000,
  clockProofMs: 24 * 3_600_000,
  /** How often it is looked whether it is behind, if nothing comes, ms. */
  clockLookMs: 60_000,
  /** Pause before a commit that found the disk full is tried again, ms. */
  journalRetryMs: 1_000,
  /** Who waits for a commit is told after so long that the disk is full, ms. */
  fullAnswerMs: 5_000,
  /** Old entries are looked for when the journal has grown by so much, or by an eighth of what it may take. */
  retentionStepBytes: 4 * MiB,
  /** Commits in which an entry was looked for: where their entries begin is kept, and of the last ones their bytes. */
  foundCommits: 64,
  foundCommitBytes: 32 * MiB,
  /** After a start from a checkpoint, what lies before it is read again: one slice on the event loop, ms; its share of the time. */
  scrubSliceMs: 0.5,
  scrubShare: 0.05,
  /** Damaged stretches that are told of one by one; past that only their number. */
  scrubTold: 100,

  // Checkpoints
  /** One row of a checkpoint. */
  checkpointRowBytes: 64 * KiB,
  /** The map of checkpoints: address space, not memory. */
  checkpointMapBytes: 64 * 1024 * MiB,
  /** Of the disk, so much stays free: less than the journal leaves, which waits for a checkpoint to let its old entries go. */
  checkpointReserveBytes: 4 * MiB,
  /** One slice of work on a checkpoint on the event loop, ms; and its share of the time. */
  checkpointSliceMs: 0.5,
  /** The same at most, the more of what the journal may take is in no checkpoint: it lets go of none of that. */
  checkpointUrgentSliceMs: 20,
  checkpointShare: 0.1,
  /** Rows that wait for one commit; up to eight times as much where it is urgent. */
  checkpointCommitBytes: 256 * KiB,
  /** Entries, and bytes, that wait for the board that is saved; past that they are read from the journal later. */
  checkpointQueueEntries: 20_000,
  checkpointQueueBytes: 16 * MiB,
  /** Entries since the last checkpoint that make a new one worthwhile; with fewer it comes ten times as late. */
  checkpointEntries: 1_000,
  /** A board of more records than this is saved less often: twice the records, twice the time. */
  checkpointRecords: 50_000,
  /** The last one at a stop may take so long, ms. */
  checkpointStopMs: 1_000,

  // Dead letters
  /** Letters kept; the oldest goes first, counted. */
  deadLetters: 100_000,
  /** Payload bytes kept of one letter. */
  deadLetterBytes: 64 * KiB,
  /** Letters waiting for the disk, more than one message may bring; past that the newest are counted as lost. */
  deadLetterQueue: 25_000,
  /** With so many bytes waiting nothing is taken of a stream, which may bring letters too. */
  deadLetterQueueBytes: 64 * MiB,

  // Board
  /** Records of one page. */
  pageRecords: 2_000_000,
  /** Pages of a plan, and actors of a plan. */
  planPages: 100,
  planActors: 1_000,
  /** Columns of a page: a plan's, and those that texts were written into. */
  pageColumns: 500,
  /** Text of a cell, in UTF-8 bytes. */
  cellBytes: 32 * KiB,
  /** Key of a record, as a URL writes it. */
  recordKeyBytes: 512,
  /** Name of a column that a text makes, UTF-16. */
  columnNameChars: 200,
  /** Records in one answer. */
  recordsPage: 1_000,
  /** Records that one request looks at, to find those that it asks for. */
  listingScan: 20_000,
  /** Readers of pages whose place is kept. */
  listingCursors: 64,
  /** Changes of one page that are kept for a stream that resumes. */
  boardRecent: 1_000,
  /** One CSV that is imported into a page. */
  sheetBytes: 32 * MiB,
  /** Records of a CSV that are handed to the journal at once. */
  sheetBatch: 250,
  /** Rows of plan pages that are told of as ranking nothing. */
  unranked: 100,
  /** Changes of one record that its history can show, the youngest. */
  cellHistory: 64,
  /** Runs begun in one turn of the event loop; then events and requests have theirs. */
  runsPerTurn: 256,
  /** Output of one run that is kept: its beginning and its end. */
  runLogBytes: 64 * KiB,
  /** Runs whose output is kept, the youngest. */
  runLogs: 1_000,
  /** Output that one run may print before it is ended. */
  runOutputBytes: 16 * MiB,
  /** What a run may write into its result file, or a remote actor answer. */
  resultBytes: 256 * KiB,
  /** A command that was told to end is ended by force after, ms. */
  runKillMs: 5_000,
  /** Runs of one kind outside this process at once, whatever the plan says. */
  outsideRuns: 256,
  /** What is looked at of a line of the host's process table, UTF-16. */
  processChars: 4_096,
  /** After a command has ended, what it left in the pipes is read for so long, ms. */
  runFlushMs: 500,
  /** Why a run failed, in the words that the board keeps, UTF-16. */
  resultDetailChars: 2_000,
  /** A module of the site that is not loaded within this can't be used, ms. */
  moduleLoadMs: 10_000,
  /** Files that a module imports, among which a syntax error is sought. */
  moduleFiles: 100,
  /** The end of a run's log that a notice carries. */
  noticeLogBytes: 4 * KiB,
  /** Notices that wait for the webhook; past that the newest are counted as lost. */
  webhookQueue: 1_000,
  /** The webhook has so long to answer, ms. */
  webhookMs: 10_000,
  /** Times that one notice is sent at most. */
  webhookTries: 10,
  /** First pause before a notice is sent again; doubles each time, up to the longest, ms. */
  webhookRetryMs: 1_000,
  webhookRetryMaxMs: 5 * 60_000,
  /** The longest that a higher layer may hold a port of a lower one without a renewal, ms. */
  holdMs: 24 * 60 * 60_000,
  /** Holds in force at once; past that the one nearest its end goes first, counted. */
  holds: 100_000,
  /** Wait at the start for the other nodes' claims; after it a node works alone until they can be reached, ms. */
  claimsOpenMs: 5_000,
  /** Slots of one limit of the whole site. */
  siteSlots: 256,
  /** Bytes of the bucket in which nodes claim goals and show each other their records; at the bound claims are refused. */
  boardBucketBytes: 512 * MiB,
  /** A key of the bucket: page, record and goal, encoded. */
  bucketKeyBytes: 2 * KiB,
  /** The bucket answers within, ms. */
  bucketRequestMs: 2_000,
  /** Requests to the bucket that wait for their answers; past that callers get `overloaded`. */
  bucketRequests: 10_000,
  /** Records on their way into the bucket at once; the others wait. */
  bucketWrites: 256,
  /** Records that are looked through in one turn of the event loop, when the bucket is read again. */
  bucketPass: 1_000,
  /** What a removed key leaves in the bucket is kept so long, for nodes that were away, ms. */
  bucketMarkMs: 10 * 60_000,
  /** Such marks that wait for their end; past that they stay until the next start. */
  bucketMarks: 100_000,
  /** The longest lease that another node may ask for, ms. */
  leaseMs: 24 * 60 * 60_000,
  /** Times that one claim, or one slot, is asked for against others before it counts as refused. */
  claimTries: 8,
  /** Pause before what the journal or the bucket refused is tried again, ms. */
  claimRetryMs: 100,

  // Decisions
  /** Visits open at once. */
  visits: 50_000,
  /** Customers whose last known profile is kept for when the source is away. */
  customerCopies: 10_000,
  /** Focuses that wait for their decision; past that no event is taken in. */
  runs: 10_000,
  /** Decisions of one customer that are kept for `GET /offers`. */
  standingOffers: 16,
  /** Standing offers in one answer that is for all customers, newest first. */
  standingShown: 1_000,
  /** Customers with standing offers; the longest unheard goes first. */
  standingCustomers: 50_000,
  /** Candidates written into a decision, best first; the rest is a count. */
  decisionCandidates: 10,
  /** Removed candidates written into a decision; the rest is a count. */
  decisionRemoved: 10,
  /** Entries read to find a decision by its cause. */
  decisionScanEntries: 50_000,

  // Catalog and models
  /** One YAML file of a site. */
  yamlBytes: 512 * KiB,
  /** Nesting of a YAML file: what people write needs 8. */
  yamlDepth: 32,
  /** Values of one YAML file once its aliases are followed. */
  yamlNodes: 50_000,
  /** What `${file:PATH}` may put into a value: a token, a certificate. */
  substitutedBytes: 64 * KiB,
  /** Mistakes told of one file; past that only their count. */
  mistakesPerFile: 20,
  /** One record of a CSV. */
  csvRecordBytes: 1 * MiB,
  /** Products in published coupons that are kept ready to send; a coupon for a department lists about 600. */
  publishedProducts: 20_000,
  /** One file of recorded paths. */
  scenarioBytes: 16 * MiB,
  /** Steps of one file of recorded paths, once drafts are expanded. */
  scenarioSteps: 200_000,
  /** One CSV file of a site. */
  csvBytes: 256 * MiB,
  /** One model file. */
  modelBytes: 256 * MiB,
  modelTrees: 10_000,
  modelFeatures: 4_096,
  /** Splits and leaves of all trees of one model; 32 categories of a split's set count as one. */
  modelNodes: 4_000_000,
  /** A forest's tables in the core, the catalogue's masks among them. */
  modelTableBytes: 768 * MiB,

  // Specs
  /** One expression's text, UTF-16; the longest that people wrote has 170. */
  specExpressionChars: 10_000,
  /** Nesting of one expression: brackets, and operators of rising precedence. */
  specExpressionDepth: 64,
  /** Names, constants, operators and calls of one expression: what walks the tree does so on the stack. */
  specExpressionNodes: 1_000,
  /** Arguments of one call: their number has a byte in the bytecode. */
  specArguments: 200,
  /** Aggregates of one spec: those of both have, with what else is addressed, 256 bases in the core. */
  specAggregates: 120,
  /** Elements of any other list of a spec: fields, stores. */
  specItems: 1_000,
  /** One name in a spec. */
  specNameChars: 200,
  /** Mistakes told of one spec: all that a person makes; past that only their count. */
  specMistakes: 200,
  /** A window's days, hours or blocks, to either side of the anchor; ten thousand days stand for a lifetime. */
  windowDays: 1_000_000,
  /** Allowed lateness of events: what the tails in memory are meant for. */
  latenessMs: 30 * 86_400_000,

  // Folding
  /** A text that a record keeps, or an expression makes. */
  stateTextBytes: MiB,
  /** Elements of a list, map or set that a record keeps, or an expression makes. */
  stateItems: 65_536,
  /** What one event may cost: elements that its expressions look at. Beyond, it is a dead letter. */
  foldWork: 1_000_000,
  /** Events of an identity that late ones may still join; past that the older half counts as settled. */
  tailEvents: 4_096,
  /** A record or row as JSON. */
  printedBytes: 64 * MiB,

  // Transforms at work
  /** Specs of one site, streaming and window together. */
  transformFiles: 64,
  /** What the identities of all specs may hold in memory; beyond, those touched longest ago go to the disk. */
  transformBytes: 256 * MiB,
  /** The same for one spec: the core's memory ends at 1 GiB. */
  specBytes: 768 * MiB,
  /** Events, and bytes of payload, that are folded in one turn of the event loop. */
  foldEvents: 256,
  foldBytes: 1 * MiB,
  /** The same where so many wait: larger batches cost less for each event. */
  foldBacklogEvents: 1_024,
  /** Time for which events are folded in one turn, ms; and as many as are in any case. */
  foldSliceMs: 1,
  foldSliceEvents: 32,
  /** Committed entries that wait for the fold; past that they are folded before anything else. */
  foldQueue: 20_000,
  /** The same in bytes, of those that came in blocks. */
  foldQueueBytes: 8 * MiB,
  /** Payloads of the youngest events, kept at hand for when a late one comes. */
  recentBytes: 8 * MiB,
  /** The same at the start: identities that were saved with events that are not settled need these. */
  recentStartBytes: 64 * MiB,
  /** What more a spec may hold, but no more than its share, until those who are busy have let go of older events. */
  crowdedBytes: 64 * MiB,
  /** Identities among which those touched longest ago are sought, and as many as go to the disk at once. */
  coldSample: 1_024,
  coldBatch: 256,
  /** The map of identities on the disk: address space, not memory. */
  coldMapBytes: 64 * 1024 * MiB,
  /** Identities that one tick looks at, to let go of what only late events would need. */
  settledPerTick: 4_096,
  /** Time between two ticks, as long as something is not settled, ms. */
  tickEveryMs: 60_000,
  /** Refused events that a spec remembers, so that taking them in again counts once. */
  refusedEvents: 100_000,
  /** Entries, and time before the last of them, that may have been refused without a word when a place was ended by force. */
  untoldEntries: 5_000,
  untoldMs: 60_000,
  /** Streams of all aggregates open at once. */
  exports: 4,
  /** Rows of the past that are made at once, and events that one may rest on. */
  pastRows: 4,
  pastEvents: 100_000,

  // Transforms of files
  /** One line of the input, or one element of an array. */
  lineBytes: 16 * MiB,
  /** Events of one batch for the core, and their bytes: beyond these it has one event. */
  batchEvents: 1_024,
  batchBytes: 4 * MiB,

  // HTTP
  /** Streams of server-sent events open at once. */
  streams: 1_000,
  /** A stream that resumes is told of decisions among so many last entries of the journal. */
  resumeEntries: 200_000,
  /** Messages waiting for one slow stream; past that it is closed and may resume by its id. */
  streamQueue: 1_000,
  /** Between two comment lines on an idle stream, ms: keeps proxies from closing it, finds clients that are gone. */
  streamBeatMs: 15_000,
  /** Standing decisions that a stream of all customers begins with, the newest. */
  streamStart: 100,
  /** Time for a request to arrive whole, ms. */
  requestMs: 30_000,
  /** Bodies being received at once, all together. */
  bodiesBytes: 128 * MiB,
  /** Bodies being inflated at once; the others wait. */
  inflating: 4,
  /** Connections open at once. */
  connections: 10_000,
  /** Coupons in one `POST /score`. */
  scoreCoupons: 10_000,
  /** Dead letters on one page. */
  lettersPage: 1_000,

  // Bus
  /** A handler's backlog on the in-process bus, messages. */
  busQueue: 100_000,
  /** Reply to a request on the bus, ms. */
  busRequestMs: 5_000,
  /** Requests of our own that wait for an answer. */
  busRequests: 10_000,
  /** Payload and headers of one message: what a NATS server takes by default, so both buses agree. */
  busMessageBytes: 1 * MiB,
  /** One subject, in UTF-8 bytes: two tokens at their longest, encoded, below a long prefix. */
  subjectBytes: 3 * KiB,
  /** Bytes handed to the NATS client that its server has not confirmed. */
  busPendingBytes: 64 * MiB,
  /** A handler that takes longer holds up everybody on the connection; counted as slow, ms. */
  busSlowMs: 50,
  /** First pause before NATS is tried again; doubles each time, ms. */
  busRetryMs: 100,
  /** Longest such pause: an edge box finds its server again within ten seconds of its return. */
  busRetryMaxMs: 10_000,
  /** A NATS server that does not greet within this is away, ms. */
  busConnectMs: 5_000,
  /** One line of the NATS protocol: an INFO lists the servers of a cluster. */
  busLineBytes: 64 * KiB,
  /** What the fast lane reads of its socket at once. */
  laneReadBytes: 256 * KiB,
  /** Messages that the fast lane hands on at once. */
  laneItems: 4_096,
  /** A NATS server is asked for a sign of life this often; two missing ones mean away, ms. */
  busPingMs: 10_000,
  /** It is looked this often whether this process runs, and one that did not run for so long did not read, ms. */
  busStallLookMs: 250,
  busStallMs: 1_000,
  /** A connection that was lost, and events with it, makes a place degraded for so long, ms; so many are counted. */
  busLossMs: 600_000,
  busLosses: 1_000,

  // Streams in
  /** Streams that one place consumes. */
  consumedStreams: 16,
  /** Messages of one stream under way: received, and not yet on disk. */
  consumedMessages: 16_384,
  /** The same in bytes; where a server takes larger messages, one of them. */
  consumedBytes: 16 * MiB,
  /** Messages that one question to a stream asks for, and what they may have in bytes: a quarter of the above. */
  consumePull: 4_096,
  consumePullBytes: 4 * MiB,
  /** A question to a stream stands so long, ms. */
  consumePullMs: 30_000,
  /** Meanwhile a sign of life is asked for this often; two missing ones mean that the stream is away, ms. */
  consumeBeatMs: 2_000,
  /** What was delivered and not acknowledged for so long is delivered again, ms. */
  consumeAckMs: 60_000,
  /** The server answers for streams and consumers within, ms. */
  consumeRequestMs: 3_000,
  /** First pause before what the intake had no room for is tried again; doubles each time, up to the longest, ms. */
  consumeRetryMs: 20,
  consumeRetryMaxMs: 1_000,

  // Outbox
  /** Streams of which it is looked how they keep what was decided. */
  outboxKeepers: 16,
  /** Decisions handed to the bus that it has not confirmed, and their messages' bytes, if there is more than one. */
  outboxFlights: 512,
  outboxFlightBytes: 8 * MiB,
  /** Decisions at hand that wait for room, and the bytes of their entries; the others wait in the journal. */
  outboxHeld: 8_192,
  outboxHeldBytes: 32 * MiB,
  /** A stream confirms a message within, ms. */
  outboxAckMs: 5_000,
  /** While it is not known whether one listens; then the server's word counts, ms. */
  outboxTrialMs: 2_000,
  /** First pause before what was not confirmed is sent again; doubles each time, up to the longest, ms. */
  outboxRetryMs: 250,
  outboxRetryMaxMs: 30_000,
  /** How often it is looked whether a stream listens by now, ms. */
  outboxLookMs: 60_000,
  /** What is confirmed is noted on disk at most this often, ms. */
  outboxNoteMs: 500,
  /** Entries without a decision that are passed before it is noted too. */
  outboxNoteEntries: 50_000,
  /** Entries read again in one turn of the event loop, and for how long, ms, and at most, where turns are long. */
  outboxReadEntries: 1_000,
  outboxSliceMs: 1,
  outboxSliceMaxMs: 10,
  /** What is told of the board, and notices, kept while the bus is away; past that the oldest goes, counted. */
  telemetryBytes: 16 * MiB,
  telemetryMs: 24 * 60 * 60_000,

  // Hub
  /** Entries of one batch for the hub, and their bytes: half of what a message may have. */
  hubBatchEntries: 2_048,
  hubBatchBytes: 512 * KiB,
  /** Batches under way to the hub. */
  hubWindow: 4,
  /** Batches of one place that wait at the hub; past that it is told to wait. */
  hubQueue: 16,
  /** The hub answers within, ms. */
  hubAnswerMs: 10_000,
  /** First pause before the hub is asked again; doubles each time, up to the longest, ms. */
  hubRetryMs: 250,
  hubRetryMaxMs: 15_000,
  /** A hub that is away for so long makes a place degraded, ms. */
  hubAwayMs: 60_000,
  /** The hub has an entry within, else those who wait for it are told that it is only `durable`, ms. */
  replicatedMs: 10_000,
  /** Callers that wait for the hub; past that they are told that at once. */
  replicatedCallers: 10_000,

  /** Commits wait so long at most for a process that opens the data folder beside its owner, ms. */
  folderHoldMs: 1_000,
  /** Such a process waits so long for an owner that does not answer yet, ms. */
  folderHoldWaitMs: 15_000,

  // Outside sources
  /** Graceful stop: what is accepted is committed within, ms. */
  drainMs: 10_000,
} as const;

export type Limits = typeof limits;
