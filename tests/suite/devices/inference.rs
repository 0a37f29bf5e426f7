//! Where a camera's pictures are looked at: what a board cannot do. Time and energy: `models/tests/memory_ends.rs`.

use super::twin;

const CPU: &str = "hosts.camera.role.inference=OnDevice";
const PI: &str = "hosts.camera.board=raspberry-pi-3b";

#[test]
fn what_a_board_cannot_is_refused_with_the_reason() {
    for (sets, reason) in [
        (&["hosts.camera.board=raspberry-pi-2b-ethernet", CPU][..], "no figure for inference on its CPU"),
        (&[PI], "no figure for an accelerator"),
    ] {
        let mut arguments = vec!["check", "scenarios/board-inference.ron"];
        arguments.extend(sets.iter().flat_map(|set| ["--set", *set]));
        let checked = twin(&arguments);
        assert_eq!(checked.status.code(), Some(2));
        let told = String::from_utf8(checked.stderr).unwrap();
        assert!(told.contains(reason), "{told}");
    }
}
