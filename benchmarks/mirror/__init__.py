"""The mirror beside other clients of SFTP: many small files and one large one, from OpenSSH's server on loopback, near and far."""
