//! Codes that other parts of the program find: reading (`document`), resolving
//! (`policy`), nft's own check (`cli`, `daemon`) and proof (`verify`). Only
//! their descriptions stand here.

use super::{Check, words};
use crate::diag::Severity::Error;

pub const Z001: Check = Check::elsewhere("Z001", Error, words!("z001")).never_waivable().example("[zones.mynumber\n");
pub const Z002: Check =
    Check::elsewhere("Z002", Error, words!("z002")).never_waivable().example("[gateway]\nmanagment = []\n");
pub const Z003: Check = Check::elsewhere("Z003", Error, words!("z003"))
    .never_waivable()
    .example("[gateway]\nname = \"gw1\"\nname = \"gw2\"\n");
pub const Z004: Check =
    Check::elsewhere("Z004", Error, words!("z004")).never_waivable().example("[hosts.pc]\nzone = \"lgwann\"\n");
pub const Z005: Check =
    Check::elsewhere("Z005", Error, words!("z005")).never_waivable().example("[hosts.pc]\nip = [\"10.0.0.300\"]\n");
pub const Z006: Check =
    Check::elsewhere("Z006", Error, words!("z006")).never_waivable().example("include = [\"missing.toml\"]\n");
pub const Z007: Check = Check::elsewhere("Z007", Error, words!("z007"))
    .never_waivable()
    .example("端末名,IPアドレス,系統\npc-1,10.20.0.7,不明な系統\n");
pub const Z008: Check =
    Check::elsewhere("Z008", Error, words!("z008")).never_waivable().example("[[allow]]\nid = \"X\"\n");
pub const Z009: Check = Check::elsewhere("Z009", Error, words!("z009"))
    .never_waivable()
    .example("[zones.lgwan]\nnetworks = [\"10.20.0.0/22\"]\n[hosts.pc]\nzone = \"lgwan\"\nip = [\"10.30.0.7\"]\n");
pub const Z010: Check = Check::elsewhere("Z010", Error, words!("z010")).never_waivable().example(
    "[zones.a]\ninterfaces = [\"eth1\"]\nnetworks = [\"10.0.0.0/24\"]\n[zones.b]\ninterfaces = [\"eth1\"]\nnetworks = [\"10.0.0.0/24\"]\n",
);
pub const Z011: Check = Check::elsewhere("Z011", Error, words!("z011"))
    .never_waivable()
    .example("[hosts.a]\nip = [\"10.20.0.7\"]\n[hosts.b]\nip = [\"10.20.0.7\"]\n");
pub const Z012: Check = Check::elsewhere("Z012", Error, words!("z012")).never_waivable();
pub const Z307: Check = Check::elsewhere("Z307", Error, words!("z307")).never_waivable();
pub const Z401: Check = Check::elsewhere("Z401", Error, words!("z401"))
    .never_waivable()
    .example("[[expect]]\nname = \"番号系からインターネットへは出られない\"\nfrom = [\"mynumber\"]\nto = [\"uplink\"]\nverdict = \"deny\"\n");
