import Model
import Testing

struct FailureTests {
    static let codes: [Failure.Kind: ExitCode] = [
        .unexpected: .unexpected, .sourceInterrupted: .unreachable, .targetInterrupted: .unreachable,
        .unreachable: .unreachable, .inUse: .tryAgain, .fenced: .tryAgain, .copyInterrupted: .tryAgain,
        .chunkInterrupted: .tryAgain, .typeChanged: .configuration,
        .denied: .denied, .configuration: .configuration, .usage: .usage, .dataGap: .dataGap,
        .dataRefused: .dataRefused, .differences: .differences,
    ]

    @Test(arguments: Failure.Kind.allCases) func everyKindHasItsCode(_ kind: Failure.Kind) throws {
        #expect(Failure(kind, "m").exitCode == (try #require(FailureTests.codes[kind])))
    }

    /// The table of the issue: scripts depend on it.
    @Test func codesAreThePromisedOnes() {
        let promised: [ExitCode: Int32] = [
            .ok: 0, .unexpected: 1, .differences: 3, .usage: 64, .dataRefused: 65, .unreachable: 69, .tryAgain: 75,
            .dataGap: 76, .denied: 77, .configuration: 78,
        ]
        #expect(Set(ExitCode.allCases) == Set(promised.keys))
        for (code, number) in promised { #expect(code.rawValue == number) }
        #expect(Set(ExitCode.allCases.map(\.meaning)).count == ExitCode.allCases.count)
    }

    @Test func onlyOkIsNoFailure() {
        #expect(!FailureTests.codes.values.contains(.ok))
    }

    @Test func describesItselfWithItsHint() {
        #expect(Failure(.usage, "no such flag").description == "no such flag")
        #expect(Failure(.usage, "no such flag", hint: "Try --help.").description == "no such flag\nhint: Try --help.")
    }
}
