//! What binding, strict zones and the ledger's dates open and close.

use super::*;
use crate::policy::ZoneId;
use crate::verify::{Diff, diff};

fn change(old: &Policy, new: &Policy) -> Diff {
    let found = diff(Some(old), new, now()).unwrap();
    for (flows, passes) in [(&found.opened, new), (&found.closed, old)] {
        for flow in flows {
            let verdict = |policy| {
                let question = crate::judge::Question::new(flow.witness.packet.clone(), flow.witness.at);
                crate::judge::judge(policy, &question).verdict.is_allow()
            };
            assert!(verdict(passes) && verdict(old) != verdict(new), "{:?}", flow.witness);
        }
    }
    found
}

/// Sources and destinations of flows, with the end of a zone-wide entry's services left out.
fn sources(flows: &[crate::verify::Flow]) -> Vec<String> {
    let mut texts: Vec<String> = flows.iter().map(crate::verify::Flow::sources_text).collect();
    texts.sort_unstable();
    texts
}

/// `m` may ask `s` for pages.
fn wide() -> Policy {
    town(&(entry("W", "m:10.10.0.0/24", "l:s", "https", "") + "[gateway]\noutput = \"deny\"\n"))
}

const M: ZoneId = ZoneId(0);

#[test]
fn another_mac_moves_a_hosts_flows_and_what_is_left_to_others() {
    let text = TOWN.replace("53:20", "53:21") + &entry("W", "m:10.10.0.0/24", "l:s", "https", "");
    let new = policy(&(text + "[gateway]\noutput = \"deny\"\n"));
    let found = change(&wide(), &new);
    // The old MAC is nobody's now, the new one was.
    let others = "10.10.0.0-10.10.0.19,10.10.0.21-10.10.0.255";
    assert_eq!(
        sources(&found.opened),
        [format!("{others} [00:00:5e:00:53:20]"), "10.10.0.20 [00:00:5e:00:53:21]".to_owned()]
    );
    assert_eq!(
        sources(&found.closed),
        [format!("{others} [00:00:5e:00:53:21]"), "10.10.0.20 [00:00:5e:00:53:20]".to_owned()]
    );
}

#[test]
fn a_zone_made_strict_closes_what_is_not_declared() {
    let old = wide();
    let mut new = old.clone();
    new.binding.strict.insert(M);
    let found = change(&old, &new);
    assert!(found.opened.is_empty());
    // `b` has no MAC, so anyone may be it; `dhcp` has no address, and may have any.
    let [one] = &sources(&found.closed)[..] else { panic!("{:?}", sources(&found.closed)) };
    assert_eq!(
        one,
        "10.10.0.0-10.10.0.19,10.10.0.21-10.10.0.29,10.10.0.31-10.10.0.255 \
         [≠ 00:00:5e:00:53:20,00:00:5e:00:53:50,00:00:5e:00:53:77]"
    );
    assert_eq!(found.settings_text(Lang::En), ["[binding] changed: strict_zones"]);
    assert_eq!(change(&new, &old).closed.len(), 0);
}

#[test]
fn binding_turned_off_opens_forgeries() {
    let old = wide();
    let mut new = old.clone();
    new.binding.enforce = false;
    let found = change(&old, &new);
    assert!(found.closed.is_empty() && !found.opened.is_empty());
    let texts = sources(&found.opened);
    assert!(texts.iter().any(|t| t.starts_with("10.10.0.20 [≠ 00:00:5e:00:53:20")), "{texts:?}");
}

#[test]
fn via_moves_a_host_to_the_routers_mac() {
    let router = "[hosts.r]\nzone = \"m\"\nip = [\"10.10.0.1\"]\nmac = [\"00:00:5e:00:53:01\"]\nkind = \"router\"\n";
    let rules = entry("A", "m:a", "l:s", "https", "") + "[gateway]\noutput = \"deny\"\n";
    let old = policy(&format!("{TOWN}{router}{rules}"));
    let new = TOWN.replace("mac = [\"00:00:5e:00:53:20\"]", "mac = [\"00:00:5e:00:53:20\"]\nvia = \"r\"");
    let new = policy(&format!("{new}{router}{rules}"));
    let found = change(&old, &new);
    assert_eq!(sources(&found.opened), ["10.10.0.20 [00:00:5e:00:53:01]"]);
    assert_eq!(sources(&found.closed), ["10.10.0.20 [00:00:5e:00:53:20]"]);
    assert_eq!(found.opened[0].witness.packet.src_mac.unwrap().to_string(), "00:00:5e:00:53:01");
}

#[test]
fn thousands_of_hosts_leave_one_rest() {
    let hosts: String = (0..4_000)
        .map(|n| {
            let (high, low) = (n / 200, n % 200 + 1);
            format!("[hosts.h{n}]\nzone = \"big\"\nip = [\"10.30.{high}.{low}\"]\nmac = [\"02:00:00:00:{high:02x}:{low:02x}\"]\n")
        })
        .collect();
    let zone = "[zones.big]\nclass = \"general\"\ninterfaces = [\"eth9\"]\nnetworks = [\"10.30.0.0/16\"]\n";
    let entries: String =
        (0..20).map(|n| entry(&format!("W{n}"), "big", "l:s", &format!("tcp/{}", 8000 + n), "")).collect();
    let old = town(&format!("{zone}{hosts}{entries}[gateway]\noutput = \"deny\"\n"));
    let mut new = old.clone();
    new.hosts[100].macs = vec!["02:00:00:00:ff:ff".parse().unwrap()];
    let found = change(&old, &new);
    // For every entry: the host itself, and the MAC with everyone's rest.
    assert_eq!((found.opened.len(), found.closed.len()), (40, 40));
}
