import CLibPQ

/// libpq itself.
package enum PostgresLibrary {
    /// Its version at run time: `15.20`, or `9.6.3` in the old form.
    package static var version: String {
        let number = Int(PQlibVersion())
        guard number >= 100_000 else { return "\(number / 10_000).\(number / 100 % 100).\(number % 100)" }
        return "\(number / 10_000).\(number % 10_000)"
    }
}
