import DevServers
import Foundation
import Glibc
import Testing

@Suite struct ProcessTests {
    @Test func commandsReturnTheirOutputAndTheirErrors() async throws {
        let result = try await Command("/bin/sh", ["-c", "cat; echo bad >&2; exit 3"]).run(input: "in")
        #expect(result.status.code == 3)
        #expect(result.output == "in")
        #expect(result.errors == "bad\n")
        let error = await #expect(throws: DevServerError.self) { try await Command("false", []).succeed() }
        #expect(error?.message.hasPrefix("false ended with exit code 1") == true)
    }

    @Test func environmentIsLaidOverOurs() async throws {
        let script = "echo ${ADDED-none} ${HOME-none}"
        let command = Command("/bin/sh", ["-c", script], environment: ["ADDED": "yes", "HOME": nil])
        #expect(try await command.succeed() == "yes none\n")
    }

    @Test func signalsEndAChildAndItsStatusSaysSo() async throws {
        let child = try ChildProcess("sleep", ["600"])
        #expect(child.isRunning)
        child.signal(SIGKILL)
        let status = await child.wait()
        #expect(status.signal == SIGKILL)
        #expect(status.code == nil)
        child.signal(SIGKILL)
    }

    @Test func aPidFileOfAnotherProcessNamesNobody() async throws {
        let file = try await ScratchDirectory.make("pid") + "/pid"
        let us = try #require(ProcessIdentity(pid: getpid()))
        try us.write(to: file)
        #expect(ProcessIdentity(pidFile: file) == us)
        try "\(us.pid) \(us.startTicks + 1)\n".write(toFile: file, atomically: true, encoding: .utf8)
        #expect(ProcessIdentity(pidFile: file) == nil)
        try "nonsense".write(toFile: file, atomically: true, encoding: .utf8)
        #expect(ProcessIdentity(pidFile: file) == nil)
    }

    @Test func waitingInVainIsAnError() async {
        await #expect(throws: DevServerError.self) {
            try await waitUntil("never", within: .milliseconds(20)) { false }
        }
    }
}
