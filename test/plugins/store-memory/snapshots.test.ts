import { snapshotsContract } from '../../contracts/snapshots.js'
import { memoryStore } from './backend.js'

snapshotsContract(memoryStore)
