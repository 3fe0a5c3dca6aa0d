## check: what each check finds, why, and how to mend it
check-z001-what = Text that is not TOML
check-z001-why = A line that were skipped would leave a rule that somebody believes in without effect
check-z001-mend = Correct the line shown
check-z002-what = An unknown key
check-z002-why = A misspelt key is a setting that does not exist
check-z002-mend = Correct the spelling, or remove the line
check-z003-what = A key, name or id that stands twice
check-z003-why = Nobody can tell which of the two holds
check-z003-mend = Remove one of them, or rename it
check-z004-what = A name that nothing declares
check-z004-why = A permission for somebody undeclared means nothing
check-z004-mend = Correct the name, or declare it
check-z005-what = A bad value
check-z005-why = Nothing is guessed
check-z005-mend = Write it in the form shown
check-z006-what = A file that is missing, unreadable, or includes itself
check-z006-why = A configuration read in part lacks permissions and denials alike
check-z006-mend = Put the file there, or correct the include
check-z007-what = A bad row of the ledger or of an allow-list
check-z007-why = A terminal whose row cannot be read counts as undeclared
check-z007-mend = Correct the row and column shown
check-z008-what = A required key that is missing
check-z008-why = A default would be another rule than the one meant
check-z008-mend = Add the key
check-z009-what = An address or host outside its zone
check-z009-why = Addresses outside the zone are dropped as spoofed, so that the permission would not work
check-z009-mend = Correct the zone's networks or the host's address
check-z010-what = Zones that overlap
check-z010-why = An address of two zones on one wire would be judged by either
check-z010-mend = Separate the networks
check-z011-what = An IP or MAC address declared twice
check-z011-why = With two devices under one address nobody knows whose traffic it is
check-z011-mend = Remove one declaration, or correct the address
check-z012-what = Something that this build does not have
check-z012-why = A setting that is written and has no effect is worse than none
check-z012-mend = Remove the line, or use a build that has it
check-z101-what = An entry into or out of a My Number zone that is not limited to devices (IP and MAC) and single ports
check-z101-why = Where communication with the outside is needed, it must be limited by path (MAC and IP address) and by port
check-z101-mend = Name hosts or single addresses at both ends, give the My Number host an ip and a mac, and list single ports
check-z101-zone = "{ $end }" is a whole zone: an entry into or out of a My Number zone names hosts or single addresses
check-z101-range = "{ $end }" holds a range of addresses: an entry into or out of a My Number zone names single addresses
check-z101-unbound = "{ $end }" is an address bound to no MAC: declare the My Number side as a host
check-z101-host-range = the ip of host "{ $host }" in "{ $end }" is a range: make it a single address
check-z101-host-no-ip = host "{ $host }" in "{ $end }" has no ip: a My Number host needs both IP and MAC
check-z101-host-no-mac = host "{ $host }" in "{ $end }" has no mac: a My Number host needs both IP and MAC
check-z101-unpinned = nothing makes what goes to "{ $end }" reach its declared MAC ([binding] pin_neighbours = false)
check-z101-ports = "{ $service }" is not a single port: an entry into or out of a My Number zone lists single ports
check-z102-what = An entry between a My Number zone and the Internet's side (internet, uplink, public)
check-z102-why = A My Number zone must not communicate with other zones, and for the Internet there is no exception
check-z102-mend = Remove the entry; pass data by a designated communication through LGWAN
check-z102-found = "{ $from }" to "{ $to }" joins a My Number zone and the Internet's side directly, which nothing excuses
check-z103-what = A My Number entry whose far side is itself connected to the Internet
check-z103-why = The outside destination must not be connected to the Internet either, except systems built by a national public body (official)
check-z103-mend = Choose a destination without the Internet; if it is a public body's, write class = "official" and operator; to keep it, have the CISO accept it in [[waive]]
check-z103-found = the far zone "{ $zone }" is connected to the Internet (internet_connected = true)
check-z104-what = Two or more entries that lead, host by host, from the Internet's side to a My Number zone
check-z104-why = Entries that are right one by one join the two sides when a host between them is taken over
check-z104-mend = Remove one of the entries on the path, or separate the host in the middle
check-z104-found = { $hops } entries lead from the Internet's side to a My Number zone: { $path }
check-z105-what = An official zone without its operator
check-z105-why = That a national public body built the system is what the exception rests on
check-z105-mend = Name the public body in operator
check-z105-found = zone "{ $zone }" is of class official and has no operator
check-z106-what = A My Number entry that is no designated communication, or an entry between zones that the model keeps apart
check-z106-why = A My Number zone has designated communications only, and the model decides which zones may open to which
check-z106-mend = Write purpose = "designated" if it is one; otherwise remove the entry, or take a path that the model has
check-z106-not-designated = this My Number entry is no designated communication (purpose = "designated")
check-z106-closed = "{ $from }" to "{ $to }" is closed in model { $model }
check-z106-cloud-unnamed = directly from "{ $from }" to "{ $to }" the cloud must be named (model { $model })
check-z106-cloud-undated = directly from "{ $from }" to "{ $to }" the entry needs an end (expires; model { $model })
check-z107-what = A path from a My Number zone through a relay to the Internet's side
check-z107-why = The destination must not be connected to the Internet; that a relay passes nothing on cannot be seen from the gateway
check-z107-mend = Confirm that the relay passes nothing on, and say so in attest of an entry on the path; until then it is unverified
check-z107-found = unverified: a path leads from a My Number zone to the Internet's side: { $path }
check-z110-what = An entry between LGWAN and the Internet's side without a way of sanitising, or whose ends or ports do not fit the way
check-z110-why = What is taken into LGWAN must be made harmless: mail to text, screen transfer, file sanitising or the like
check-z110-mend = Name the way in sanitise, and fit the kinds of both ends and the ports to it
check-z110-missing = "{ $from }" to "{ $to }" has no way of sanitising (sanitise)
check-z110-mta = mail-text is from mail server to mail server (kind = "mta"); "{ $end }" is none
check-z110-mail-port = mail-text has tcp/25 alone; "{ $service }" is something else
check-z110-direction = this screen transfer is opened from "{ $from }"; in this model it is opened from "{ $to }"
check-z110-screen-port = "{ $service }" is no port of a screen transfer (tcp/443; tcp and udp 22443, 8443, 4172, 3389, 1494, 2598)
check-z110-relay = file-cdr is from relay to relay (kind = "relay"); "{ $end }" is none
check-z110-attest = sanitise = "other" needs attest: how it is made harmless
check-z111-what = A port for files (tcp/9427, tcp/32111, tcp/445, tcp/139) between the two ends of a screen transfer
check-z111-why = With drives, USB or file sharing beside it, a screen transfer makes nothing harmless
check-z111-mend = Remove that port; pass files through the file sanitising servers
check-z111-found = "{ $service }" opens a port for files between the ends of a screen transfer ({ $screen })
check-z111-screen = the screen transfer is here
check-z112-what = What a port filter cannot prove about a screen transfer
check-z112-why = Clipboard and drives are shared inside 22443, so that no packet shows that no file passes
check-z112-mend = Switch sharing off in the screen transfer, and say in attest where that was confirmed
check-z112-found = unverified: that clipboard and drives are not shared cannot be proved by ports (no attest)
check-z120-what = A second way to the Internet, or networks = ["any"] in a zone that is no uplink
check-z120-why = Traffic with the Internet goes through the security cloud, and outside connections are kept few
check-z120-mend = Keep one way out; a spare is redundant = true, a local breakout breakout = true; any belongs to an uplink
check-z120-second = zone "{ $zone }" is a second way to the Internet after "{ $first }"
check-z120-any = zone "{ $zone }" is no uplink and cannot have networks = any
check-z121-what = An outside connection (official, partner, uplink) without approval, or with one approver only
check-z121-why = Connecting an outside network needs the permission of the CISO and of the officer in charge of the network
check-z121-mend = Write both permissions in [approvals.*] and name it in the zone's approval
check-z121-missing = zone "{ $zone }" is an outside connection and has no approval
check-z121-nobody = nobody approved "{ $approval }" of zone "{ $zone }" (approved_by)
check-z121-alone = approval "{ $approval }" of zone "{ $zone }" has one approver; the CISO and the officer in charge of the network are needed
check-z121-lapsed = approval "{ $approval }" of zone "{ $zone }" is over
check-z122-what = An entry from the Internet into anything but a public zone
check-z122-why = Systems open to outsiders are kept apart, and the inside is protected from them
check-z122-mend = Put what is public in a zone of class public; remote access is purpose = "remote" with attest
check-z122-found = "{ $from }" to "{ $to }" leads from the Internet inside
check-z123-what = Remote access without multi-factor authentication or encryption
check-z123-why = Access over the Internet is forbidden unless it is identified by several factors and encrypted; from partners it is encrypted
check-z123-mend = Use a way that has both, then write mfa = true and encrypted = true in remote
check-z123-uplink = remote access from the Internet needs both mfa and encrypted (remote)
check-z123-partner = remote access from a partner needs encrypted (remote)
check-z124-what = Mail (tcp/25) sent by a host that is no mail server
check-z124-why = Nobody may be able to relay mail from outside to outside
check-z124-mend = Send mail through a mail server (kind = "mta")
check-z124-found = "{ $end }" is no mail server (kind = "mta") and can send on tcp/25
check-z124-inbound = "{ $end }" is no mail server (kind = "mta") and can take tcp/25 from outside
check-z125-what = A printer or a thing that crosses zones without an approval that names it
check-z125-why = Multifunction printers and special devices need measures of their own
check-z125-mend = Name the device in reason or reference of the approval, or take it out of the entry
check-z125-found = { $count ->
    [one] { $count } printer or thing crosses zones
   *[other] { $count } printers or things cross zones
} without being named in an approval ({ $hosts })
check-z130-what = A wireless interface in a My Number zone
check-z130-why = A My Number zone must not use wireless; the guideline of 2025-03 allows it on conditions
check-z130-mend = Use a wire; where edition 2025-03 allows it, say in the zone's attest that its conditions are met
check-z130-forbidden = My Number zone "{ $zone }" has the wireless interface "{ $interface }"
check-z130-unattested = nothing attests the conditions for the wireless interface "{ $interface }" of zone "{ $zone }"
check-z131-what = A MAC that the gateway does not see (l2 = "routed" and no via)
check-z131-why = Behind a layer 3 switch the gateway sees the switch's MAC alone
check-z131-mend = Declare the switch as a host and name it in via, or remove the mac
check-z131-zone = { $count ->
    [one] { $count } MAC address
   *[other] { $count } MAC addresses
} of zone "{ $zone }" (l2 = "routed") cannot be enforced: { $hosts }
check-z131-entry = the MAC of My Number host "{ $host }" cannot be enforced: zone "{ $zone }" is l2 = "routed" and the host has no via
check-z132-what = A My Number zone that shares an interface with a zone of another class
check-z132-why = On one wire they reach each other without the gateway
check-z132-mend = Separate the wires or VLANs
check-z132-found = zone "{ $zone }" shares the interface "{ $interface }" with zone "{ $other }"
check-z140-what = An entry across zones, or a waiver, without a whole approval
check-z140-why = A permission of which nobody knows who asked, who granted it, why and when cannot be accounted for (product default)
check-z140-mend = Write an approval with reason, requested_by, approved_by and approved_on, or name one of [approvals.*]
check-z140-missing = there is no approval
check-z140-incomplete = the approval lacks { $keys }
check-z141-what = A requester who is also the approver
check-z141-why = Unless it cannot be helped, who asks and who approves must not be the same
check-z141-mend = Have somebody else approve it; if it cannot be helped, say why in same_person_reason
check-z141-found = "{ $person }" is both requester and approver
check-z141-requested = requested here
check-z142-what = An approval dated in the future
check-z142-why = An approval that has not been given opens nothing (product default)
check-z142-mend = Write the day on which it was approved
check-z142-found = the approval's day { $day } is in the future
check-z143-what = An expired entry
check-z143-why = It has no effect; left in the list it is believed to have (product default)
check-z143-mend = Remove it, or have it approved anew with a later end
check-z143-found = this entry expired at { $end }
check-z144-what = An emergency that nobody approved in its days
check-z144-why = Exceptions in an emergency are reported to the CISO without delay; seven days is the product's default
check-z144-mend = Write approved_by and approved_on, or remove the entry
check-z144-found = this emergency was not approved within { $days } days of its start and is not in force
check-z145-what = An approval whose review is overdue
check-z145-why = Exceptions must be looked at again periodically
check-z145-mend = Review it, and set review_by to the next day
check-z145-found = the review was due by { $day }
check-z146-what = An entry or waiver that ends within 30 days
check-z146-why = An end that nobody sees coming stops work (product default)
check-z146-mend = To go on, have it approved anew with a later end
check-z146-found = this entry expires at { $end }
check-z146-waiver = the waiver of { $check } for { $subject } ends within 30 days
check-z147-what = A My Number entry or a waiver whose approver is not the CISO
check-z147-why = Exceptions are made with the permission of the CISO
check-z147-mend = Have it approved by somebody listed in [organisation] ciso, and write them in approved_by
check-z147-entry = this My Number entry has no approver of those listed in ciso
check-z147-waiver = this waiver has no approver of those listed in ciso
check-z148-what = A waiver that matches nothing, or is over
check-z148-why = It points to a finding that is mended, or is misspelt (product default)
check-z148-mend = Write check and subject as the finding has them, or remove the waiver
check-z148-nothing = there is no { $check } for { $subject }: this waiver matches nothing
check-z148-over = the waiver of { $check } for { $subject } is over and does not count
check-z150-what = It is not stated how long records are kept, or what happens when they cannot be taken
check-z150-why = The period, and what is done when logs cannot be taken, must be defined
check-z150-mend = Write retention_days and on_failure in [log]
check-z150-found = [log] does not state { $key }
check-z160-what = A rule that has nothing here to apply to
check-z160-why = A rule without an object is not applicable, and not thereby kept
check-z160-mend = Nothing is to be done
check-z160-found = not applicable: { $area } ({ $codes })
check-z160-mynumber = there is no My Number zone
check-z160-lgwan = there is no LGWAN zone
check-z160-outside = there is no outside connection (official, partner, uplink)
check-z202-what = Two entries that say the same
check-z202-why = Removing one changes nothing, so that a permission believed removed remains (product default)
check-z202-mend = Remove one of them
check-z202-found = this entry is the same as "{ $first }"
check-z203-what = An empty group
check-z203-why = A permission for nobody opens nothing; the selection may be wrong (product default)
check-z203-mend = Correct members or select
check-z203-found = nobody is in group "{ $group }"
check-z204-what = A range wider than /16, or every service
check-z204-why = Nobody can say what it permits (product default)
check-z204-mend = List the addresses and ports that are needed
check-z204-range = "{ $range }" is wider than /16 (IPv6: /48)
check-z204-any = every service is permitted (any)
check-z307-what = nft or the kernel lacks what this ruleset needs
check-z307-why = A ruleset that is not taken would hold in part
check-z307-mend = Use a version that has it
check-z401-what = An expectation that does not hold
check-z401-why = The policy breaks a test of its own; a packet shows how
check-z401-mend = Correct the entry that lets the packet through, or the test
check-zone-here = the zone is declared here
check-path-hop = entry "{ $entry }" on the way
check-path-more = { $count } paths are listed; there are more
check-waive-unknown = there is no check "{ $check }"
check-waive-never = { $check } cannot be waived
check-page-title = Checks
check-page-intro = This page is made from the checks themselves; change src/check and the words under src/diag/messages.
check-page-code = Code
check-page-severity = Severity
check-page-waivable = Waivable
check-page-what = What
check-page-why = Why
check-page-mend = How to mend it
check-page-example = Found in
check-page-clauses = Clauses
check-page-yes = yes
check-page-no = no
check-page-default = product default (no clause)
