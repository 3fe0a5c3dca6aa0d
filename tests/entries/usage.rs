//! `zonectl usage`, from real flows.

use serde_json::Value;

use super::{Line, PATIENCE, Town, entry};

fn row<'a>(usage: &'a Value, id: &str) -> &'a Value {
    usage["entries"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()
}

fn number(usage: &Value, id: &str, key: &str) -> u64 {
    row(usage, id)[key].as_u64().unwrap()
}

#[test]
fn flows_and_their_traffic_are_credited_to_their_entry() {
    if !super::lab::possible() {
        return;
    }
    let mut town =
        Town::new(&(entry("U", 1, "tcp/22", "title = \"使う\"") + &entry("N", 2, "tcp/22", "title = \"使わない\"")));
    let lines = [Line::open(&town, 1, 22).unwrap(), Line::open(&town, 1, 22).unwrap()];
    assert!(lines.iter().all(|line| line.carries(PATIENCE)));
    let live = town.ask(&["usage"]);
    assert_eq!(
        (&live["measured"], &live["listening"], &live["errors"]),
        (&"flows".into(), &true.into(), &Value::Array(vec![]))
    );
    assert_eq!((number(&live, "U", "flows"), number(&live, "U", "open")), (2, 2));
    // Three for the handshake, and data each way, each acknowledged or not.
    assert!(number(&live, "U", "packets") >= 2 * 5 && number(&live, "U", "bytes") >= 2 * 5 * 40, "{live:#}");
    assert_eq!((&row(&live, "U")["last_used"], &live["unused"]), (&live["time"], &serde_json::json!(["N"])));

    // One ends: what passed stays with its entry.
    let port = lines[0].near.local_addr().unwrap().port().to_string();
    town.lab.gateway.command("conntrack", &["-D", "-p", "tcp", "--sport", &port]);
    let half = town.awaited("one flow has ended", || {
        Some(town.ask(&["usage"]))
            .filter(|usage| number(usage, "U", "open") == 1 && number(usage, "U", "packets") >= 10)
    });
    assert_eq!((number(&half, "U", "flows"), number(&half, "U", "unmeasured")), (2, 0));
    drop(lines);
    town.lab.gateway.command("conntrack", &["-D", "-s", "10.1.0.1"]);
    let before = town.awaited("both have", || {
        Some(town.ask(&["usage"])).filter(|usage| {
            number(usage, "U", "open") == 0 && number(usage, "U", "bytes") >= number(&live, "U", "bytes")
        })
    });

    town.kill();
    town.start();
    let after = town.ask(&["usage"]);
    assert_eq!(row(&after, "U"), row(&before, "U"), "over the daemon's death");
    assert_eq!((after["gaps"].as_array().unwrap().len(), &after["since"]), (1, &before["since"]));
    assert_eq!(row(&after, "N")["last_used"], Value::Null);
}
