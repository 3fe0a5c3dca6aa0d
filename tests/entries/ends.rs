//! The daemon is dead, and what is timed ends all the same.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::lab::sockets;
use super::{Line, PATIENCE, Town, entry, sleep_until};

/// A whole second, so many seconds from now.
fn soon(seconds: i64) -> Timestamp {
    let now = Timestamp::now().as_second();
    Timestamp::from_second(now + seconds).unwrap()
}

#[test]
fn the_kernel_keeps_an_end_that_the_daemon_does_not_live_to_see() {
    if !super::lab::possible() {
        return;
    }
    let rest = entry("N", 2, "tcp/22", "") + &entry("G", 3, "tcp/22", "");
    let mut town = Town::new(&(entry("E", 1, "tcp/22", "") + &rest));
    // Open before anybody spoke of an end.
    let early = Line::open(&town, 1, 22).unwrap();
    let end = soon(6);
    town.change(&(entry("E", 1, "tcp/22", &format!("expires = {end}")) + &rest));
    let (late, neighbour) = (Line::open(&town, 1, 22).unwrap(), Line::open(&town, 2, 22).unwrap());
    let asked = || sockets::tcp_connect(town.host(1), [10, 1, 0, 1].into(), "10.2.0.1:23".parse().unwrap(), PATIENCE);
    assert_eq!(asked().unwrap_err().kind(), std::io::ErrorKind::TimedOut, "of no entry");
    town.kill();

    sleep_until(end - SignedDuration::from_millis(400));
    for line in [&early, &late, &neighbour] {
        assert!(line.carries(Duration::from_millis(300)), "before the end");
    }
    assert_eq!(town.counter("deny_expired"), 0);
    sleep_until(end);
    assert!(!early.carries(Duration::from_millis(900)) && !late.carries(Duration::from_millis(900)));
    assert!(neighbour.carries(PATIENCE));
    let denied = town.counter("deny_expired");
    assert!(denied >= 2, "{denied}");
    assert!(Line::open(&town, 1, 22).is_none(), "new flows too");
    assert!(town.counter("deny_expired") > denied);
    assert!(Line::open(&town, 2, 22).is_some());

    // Who died unseen is mourned later: the reason is recorded, the flows are gone.
    town.start();
    let flows = town.lab.gateway.command("conntrack", &["-L", "-s", "10.1.0.1"]);
    assert_eq!(flows.lines().count(), 0, "{flows}");
    assert!(neighbour.carries(PATIENCE));
}

#[test]
fn what_answers_nobody_ends_too() {
    if !super::lab::possible() {
        return;
    }
    let end = soon(4);
    let mut town = Town::new(&entry("U", 1, "udp/514", &format!("expires = {end}")));
    town.kill();
    let socket = town.host(1).enter(|| std::net::UdpSocket::bind("10.1.0.1:5140")).unwrap();
    let send = || {
        for _ in 0..3 {
            socket.send_to(b"x", "10.2.0.1:514").unwrap();
            std::thread::sleep(Duration::from_millis(30));
        }
    };
    send();
    assert_eq!(town.counter("entry_U"), 1, "three packets that nobody answers are one flow");
    sleep_until(end);
    send();
    assert_eq!((town.counter("entry_U"), town.counter("deny_expired")), (1, 3));
}

#[test]
fn counts_stay_with_their_entry_whatever_else_changes() {
    if !super::lab::possible() {
        return;
    }
    let kept = entry("K", 1, "tcp/22", "rate = \"2/day\"");
    let mut town = Town::new(&kept);
    let line = Line::open(&town, 1, 22).unwrap();
    assert_eq!(town.counter("entry_K"), 1);
    town.change(&(kept.clone() + &entry("O", 2, "tcp/22", "expires = 2099-01-01")));
    assert_eq!(town.ask(&["apply"])["result"], "unchanged");
    town.kill();
    town.start();
    assert_eq!(town.counter("entry_K"), 1);
    assert!(line.carries(PATIENCE));
    // Its limit has not been filled anew either.
    assert!(Line::open(&town, 1, 22).is_some());
    assert!(Line::open(&town, 1, 22).is_none());
    assert_eq!(town.counter("entry_K"), 2);
    assert!(town.counter("deny_rate_exceeded") >= 1);
}

#[test]
fn a_flow_that_is_recorded_is_one_record() {
    if !super::lab::possible() {
        return;
    }
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let more = format!("log = true\nrate = \"1/hour\"\nexpires = {end}");
    let entries = entry("L", 1, "tcp/22", &more) + &entry("M", 1, "tcp/22", "");
    let town = Town::new(&entries);
    let lines = [Line::open(&town, 1, 22).unwrap(), Line::open(&town, 1, 22).unwrap()];
    assert!(lines.iter().all(|line| line.carries(PATIENCE)));
    let records = town.awaited("both are recorded", || {
        let records = town.lines(&["log", "query", "--verdict", "allow"]);
        (records.len() == 2).then_some(records)
    });
    // The second is over the rate of the first entry.
    let entries: Vec<_> = records.iter().rev().map(|record| record["entry"].as_str().unwrap()).collect();
    assert_eq!(entries, ["L", "M"]);
    for record in &records {
        let told = ["verdict", "reason", "from_zone", "to_zone", "src", "dst"].map(|key| record[key].as_str().unwrap());
        assert_eq!(told, ["allow", "allowed", "a", "b", "10.1.0.1", "10.2.0.1"]);
        assert_eq!((&record["dport"], &record["packets"]), (&22.into(), &1.into()));
    }
}
