/// `wherry version`.
package struct VersionReport: Report, Equatable {
    package struct Library: Encodable, Sendable, Equatable {
        package let name: String
        package let version: String

        package init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }

    package static let version = "0.1.0"

    package let schemaVersion = 1
    package let version = VersionReport.version
    /// `release` or `debug`.
    package let build = VersionReport.build
    /// Language version of the compiler.
    package let swift = VersionReport.compiler
    package let platform = VersionReport.platform
    package let libraries: [Library]

    package init(libraries: [Library]) { self.libraries = libraries }

    package var text: [String] {
        ["wherry \(version) (\(build), Swift \(swift), \(platform))"] + libraries.map { "  \($0.name) \($0.version)" }
    }

    private static var build: String {
        #if DEBUG
            "debug"
        #else
            "release"
        #endif
    }

    private static var compiler: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2 or earlier"
        #endif
    }

    private static var platform: String {
        #if arch(x86_64)
            "linux x86_64"
        #elseif arch(arm64)
            "linux arm64"
        #else
            "linux"
        #endif
    }
}
