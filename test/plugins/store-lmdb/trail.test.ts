import { trailContract } from '../../contracts/trail.js'
import { lmdbStore } from './backend.js'

trailContract(lmdbStore)
