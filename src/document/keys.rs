//! Every key of the configuration (SPEC §1), once.

use super::shape::{Choice, Key, Shape, choice, later};

const TEXTS: Shape = Shape::Texts(false);
const SOME_TEXTS: Shape = Shape::Texts(true);

const MODELS: &[Choice] = &[
    choice("alpha"),
    choice("alpha-prime"),
    choice("beta"),
    choice("beta-prime"),
    choice("two-zone"),
    choice("general"),
];
const CLASSES: &[Choice] = &[
    choice("mynumber"),
    choice("lgwan"),
    choice("internet"),
    choice("public"),
    choice("official"),
    choice("uplink"),
    choice("partner"),
    choice("management"),
    choice("general"),
];
const ALLOW_DENY: &[Choice] = &[choice("allow"), choice("deny")];
const DENY_WITH: &[Choice] = &[choice("drop"), choice("reject")];
const L2: &[Choice] = &[choice("direct"), choice("routed")];
const KINDS: &[Choice] = &[
    choice("terminal"),
    choice("server"),
    choice("mfp"),
    choice("iot"),
    choice("router"),
    choice("relay"),
    choice("mta"),
];
const ENCODINGS: &[Choice] = &[choice("utf-8"), later("cp932"), later("auto")];
const PURPOSES: &[Choice] = &[
    choice("business"),
    choice("designated"),
    choice("sanitised"),
    choice("management"),
    choice("remote"),
    choice("update"),
];
const SANITISE: &[Choice] = &[choice("mail-text"), choice("screen-transfer"), choice("file-cdr"), choice("other")];
const VERDICTS: &[Choice] = &[choice("deny"), choice("allow")];
const RELOAD_MODES: &[Choice] = &[choice("auto"), choice("manual")];
const ESTABLISHED: &[Choice] = &[choice("revoke"), choice("keep")];
const ON_FAILURE: &[Choice] = &[choice("alert"), later("deny-new")];

const ORGANISATION: &[Key] = &[
    Key::new("name", Shape::Text, "document-key-organisation-name"),
    Key::new("timezone", Shape::Text, "document-key-organisation-timezone"),
    Key::new("ciso", TEXTS, "document-key-organisation-ciso"),
];

const COMPLIANCE: &[Key] = &[
    Key::new("model", Shape::Choice(MODELS), "document-key-compliance-model"),
    Key::new("edition", Shape::Text, "document-key-compliance-edition"),
    Key::new("standard", Shape::Text, "document-key-compliance-standard"),
    Key::new("local_rules", TEXTS, "document-key-compliance-local-rules"),
];

const ZONE: &[Key] = &[
    Key::required("class", Shape::Choice(CLASSES), "document-key-zone-class"),
    Key::new("label", Shape::Text, "document-key-zone-label"),
    Key::required("interfaces", SOME_TEXTS, "document-key-zone-interfaces"),
    Key::required("networks", SOME_TEXTS, "document-key-zone-networks"),
    Key::new("intra_zone", Shape::Choice(ALLOW_DENY), "document-key-zone-intra-zone"),
    Key::new("deny_with", Shape::Choice(DENY_WITH), "document-key-zone-deny-with"),
    Key::new("l2", Shape::Choice(L2), "document-key-zone-l2"),
    Key::new("operator", Shape::Text, "document-key-zone-operator"),
    Key::new("internet_connected", Shape::Bool, "document-key-zone-internet-connected"),
    Key::new("approval", Shape::Text, "document-key-zone-approval"),
    Key::new("masquerade", Shape::Bool, "document-key-zone-masquerade"),
    Key::new("breakout", Shape::Bool, "document-key-zone-breakout"),
    Key::new("redundant", Shape::Bool, "document-key-zone-redundant"),
    Key::new("attest", Shape::Text, "document-key-zone-attest"),
];

const HOST: &[Key] = &[
    Key::required("zone", Shape::Text, "document-key-host-zone"),
    Key::new("ip", TEXTS, "document-key-host-ip"),
    Key::new("mac", TEXTS, "document-key-host-mac"),
    Key::new("via", Shape::Text, "document-key-host-via"),
    Key::new("kind", Shape::Choice(KINDS), "document-key-host-kind"),
    Key::new("labels", Shape::Names(&Shape::Text), "document-key-host-labels"),
];

const GROUP: &[Key] = &[
    Key::new("members", TEXTS, "document-key-group-members"),
    Key::new("select", Shape::Names(&SOME_TEXTS), "document-key-group-select"),
];

const INVENTORY: &[Key] = &[
    Key::required("file", Shape::Text, "document-key-inventory-file"),
    Key::new("encoding", Shape::Choice(ENCODINGS), "document-key-inventory-encoding"),
    Key::required("columns", Shape::Names(&Shape::Text), "document-key-inventory-columns"),
    Key::new("zones", Shape::Names(&Shape::Text), "document-key-inventory-zones"),
    Key::new("skip", Shape::Names(&TEXTS), "document-key-inventory-skip"),
];

const SERVICE: &[Key] = &[Key::required("ports", SOME_TEXTS, "document-key-service-ports")];

const APPROVAL: &[Key] = &[
    Key::new("reason", Shape::Text, "document-key-approval-reason"),
    Key::new("requested_by", Shape::Text, "document-key-approval-requested-by"),
    Key::new("approved_by", TEXTS, "document-key-approval-approved-by"),
    Key::new("approved_on", Shape::Moment, "document-key-approval-approved-on"),
    Key::new("reference", Shape::Text, "document-key-approval-reference"),
    Key::new("expires", Shape::Moment, "document-key-approval-expires"),
    Key::new("review_by", Shape::Moment, "document-key-approval-review-by"),
    Key::new("emergency", Shape::Bool, "document-key-approval-emergency"),
    Key::new("same_person_reason", Shape::Text, "document-key-approval-same-person-reason"),
];

const REMOTE: &[Key] = &[
    Key::new("mfa", Shape::Bool, "document-key-remote-mfa"),
    Key::new("encrypted", Shape::Bool, "document-key-remote-encrypted"),
];

const WINDOW: &[Key] = &[
    Key::new("days", SOME_TEXTS, "document-key-window-days"),
    Key::new("from", Shape::Clock, "document-key-window-from"),
    Key::new("to", Shape::Clock, "document-key-window-to"),
    Key::new("at", Shape::Moment, "document-key-window-at"),
    Key::new("until", Shape::Moment, "document-key-window-until"),
];

const ALLOW: &[Key] = &[
    Key::required("id", Shape::Text, "document-key-allow-id"),
    Key::new("title", Shape::Text, "document-key-allow-title"),
    Key::required("from", SOME_TEXTS, "document-key-allow-from"),
    Key::required("to", SOME_TEXTS, "document-key-allow-to"),
    Key::required("services", SOME_TEXTS, "document-key-allow-services"),
    Key::new("purpose", Shape::Choice(PURPOSES), "document-key-allow-purpose"),
    Key::new("sanitise", Shape::Choice(SANITISE), "document-key-allow-sanitise"),
    Key::new("remote", Shape::Table(REMOTE), "document-key-allow-remote"),
    Key::new("window", Shape::TableOrRows(WINDOW), "document-key-allow-window"),
    Key::new("starts", Shape::Moment, "document-key-allow-starts"),
    Key::new("expires", Shape::Moment, "document-key-allow-expires"),
    Key::new("log", Shape::Bool, "document-key-allow-log"),
    Key::new("rate", Shape::Text, "document-key-allow-rate"),
    Key::new("attest", Shape::Text, "document-key-allow-attest"),
    Key::new("approval", Shape::TextOrTable(APPROVAL), "document-key-allow-approval"),
];

const EXPECT: &[Key] = &[
    Key::required("name", Shape::Text, "document-key-expect-name"),
    Key::required("from", SOME_TEXTS, "document-key-expect-from"),
    Key::required("to", SOME_TEXTS, "document-key-expect-to"),
    Key::new("services", SOME_TEXTS, "document-key-expect-services"),
    Key::new("at", Shape::Moment, "document-key-expect-at"),
    Key::required("verdict", Shape::Choice(VERDICTS), "document-key-expect-verdict"),
];

const WAIVE: &[Key] = &[
    Key::required("check", Shape::Text, "document-key-waive-check"),
    Key::required("subject", Shape::Text, "document-key-waive-subject"),
    Key::required("expires", Shape::Moment, "document-key-waive-expires"),
    Key::new("approval", Shape::TextOrTable(APPROVAL), "document-key-waive-approval"),
];

const GATEWAY: &[Key] = &[
    Key::new("name", Shape::Text, "document-key-gateway-name"),
    Key::new("output", Shape::Choice(ALLOW_DENY), "document-key-gateway-output"),
    Key::new("management", TEXTS, "document-key-gateway-management"),
];

const BINDING: &[Key] = &[
    Key::new("enforce", Shape::Bool, "document-key-binding-enforce"),
    Key::new("strict_zones", TEXTS, "document-key-binding-strict-zones"),
    Key::new("pin_neighbours", Shape::Bool, "document-key-binding-pin-neighbours"),
];

const RELOAD: &[Key] = &[
    Key::new("mode", Shape::Choice(RELOAD_MODES), "document-key-reload-mode"),
    Key::new("debounce_ms", Shape::Integer(0, 60_000), "document-key-reload-debounce-ms"),
    Key::new("established", Shape::Choice(ESTABLISHED), "document-key-reload-established"),
    Key::later("drift", "document-key-reload-drift"),
];

const LOG: &[Key] = &[
    Key::new("store", Shape::Text, "document-key-log-store"),
    Key::new("retention_days", Shape::Integer(1, 36_500), "document-key-log-retention-days"),
    Key::later("max_size", "document-key-log-max-size"),
    Key::new("snaplen", Shape::Integer(0, 65_535), "document-key-log-snaplen"),
    Key::new("on_failure", Shape::Choice(ON_FAILURE), "document-key-log-on-failure"),
    Key::later("count_only", "document-key-log-count-only"),
    Key::later("forward", "document-key-log-forward"),
];

/// The top level of a file.
pub const ROOT: &[Key] = &[
    Key::required("version", Shape::Integer(1, 1), "document-key-version"),
    Key::new("include", TEXTS, "document-key-include"),
    Key::new("organisation", Shape::Table(ORGANISATION), "document-key-organisation"),
    Key::new("compliance", Shape::Table(COMPLIANCE), "document-key-compliance"),
    Key::new("zones", Shape::Names(&Shape::Table(ZONE)), "document-key-zones"),
    Key::new("hosts", Shape::Names(&Shape::Table(HOST)), "document-key-hosts"),
    Key::new("groups", Shape::Names(&Shape::Table(GROUP)), "document-key-groups"),
    Key::new("inventory", Shape::Rows(INVENTORY), "document-key-inventory"),
    Key::new("services", Shape::Names(&Shape::Table(SERVICE)), "document-key-services"),
    Key::new("approvals", Shape::Names(&Shape::Table(APPROVAL)), "document-key-approvals"),
    Key::new("allow", Shape::Rows(ALLOW), "document-key-allow"),
    Key::later("allow_list", "document-key-allow-list"),
    Key::new("expect", Shape::Rows(EXPECT), "document-key-expect"),
    Key::new("waive", Shape::Rows(WAIVE), "document-key-waive"),
    Key::new("gateway", Shape::Table(GATEWAY), "document-key-gateway"),
    Key::new("binding", Shape::Table(BINDING), "document-key-binding"),
    Key::new("reload", Shape::Table(RELOAD), "document-key-reload"),
    Key::new("log", Shape::Table(LOG), "document-key-log"),
    Key::later("alerts", "document-key-alerts"),
    Key::later("metrics", "document-key-metrics"),
];
